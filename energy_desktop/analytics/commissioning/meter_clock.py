"""Whether a meter's own clock is right; readings never carry its time, its load profiles do."""

from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict

WRONG_S = 60.0


def judge_clock(ahead_s: float) -> Judgement:
    """ahead_s: by how much the meter's clock is ahead of ours; below 0: behind."""
    size = abs(ahead_s)
    if size <= WRONG_S:
        return Judgement(
            FaultKind.NONE,
            Verdict.GOOD,
            "Its own clock is right",
            "within a minute of the clock of this computer",
        )
    hours, rest = divmod(round(size), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if n]
    side = "ahead" if ahead_s > 0 else "behind"
    summer = " A whole hour may be summer time." if abs(size - 3600) <= WRONG_S else ""
    return Judgement(
        FaultKind.CLOCK,
        Verdict.FAULT,
        f"Its own clock is {' '.join(parts[:2])} {side}",
        "readings carry the time of this computer, but the load profiles and tariffs that the "
        "meter keeps itself are off by that much",
        f"Set the meter's clock.{summer}",
    )
