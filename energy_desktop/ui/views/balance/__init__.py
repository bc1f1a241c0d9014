"""The page "Balance": does the energy add up, and what has the weather to do with it?"""
