"""The commissioning desk: buses, registers, frames, judgements, and the dialogs around them."""
