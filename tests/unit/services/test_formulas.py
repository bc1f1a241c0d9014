"""A formula is read as it is meant, and what is wrong with it is said where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.site import Meter, VirtualMeter
from energy_desktop.services.formulas import formula_text, parse_formula

METERS = (
    Meter("main", "Main"),
    Meter("hall", "Hall"),
    Meter("hall-1-east", "Hall 1 east"),
    Meter("light-1-east", "Lights first floor east"),
    Meter("2nd", "Second"),
)


def problem(text):
    found = parse_formula(text, METERS).problem
    return None if found is None else (found.sentence, text[found.start : found.end])


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("main", [("main", 1.0)]),
        ("main - hall", [("main", 1.0), ("hall", -1.0)]),
        ("main-hall", [("main", 1.0), ("hall", -1.0)]),
        ("main - hall-1-east", [("main", 1.0), ("hall-1-east", -1.0)]),
        ("main \u2212 0,5 \u00d7 hall", [("main", 1.0), ("hall", -0.5)]),
        ("0.25*light-1-east + 2 x hall", [("light-1-east", 0.25), ("hall", 2.0)]),
        ("- 3 HALL", [("hall", -3.0)]),
        ("Lights first floor east + Main", [("light-1-east", 1.0), ("main", 1.0)]),
        ('2 * "Hall 1 east" - main', [("hall-1-east", 2.0), ("main", -1.0)]),
        ("main - 2nd", [("main", 1.0), ("2nd", -1.0)]),
    ],
)
def test_a_formula_is_read_as_it_is_meant(text, terms):
    found = parse_formula(text, METERS)

    assert found.problem is None
    assert list(found.terms) == terms


def test_what_is_wrong_is_told_with_its_place():
    assert problem("") == ("Name a meter, as in: main - hall.", "")
    assert problem("main - hull") == (
        "There is no meter hull. Do you mean hall?",
        "hull",
    )
    assert problem("main hall") == ("A + or \u2212 is missing before hall.", "hall")
    assert problem("main - ") == ("A meter is missing behind -.", "- ")
    assert problem("main + 0.5") == ("A meter is missing behind 0.5.", "0.5")
    assert problem("main - hall + Main") == ("Main is there twice: make one term of it.", "Main")
    assert problem("main - 0 x hall") == ("A factor of 0 leaves the meter out.", "0 x hall")
    assert problem("main - virtual:rest")[0].startswith("virtual:rest is a virtual meter itself")
    assert problem("main + halls")[1] == "halls"


@pytest.mark.parametrize("typed", ["virtual:rest", "The rest", '"the rest"'])
def test_a_virtual_meter_in_a_formula_is_told_by_the_meters_that_it_is_made_of(typed):
    rest = VirtualMeter("rest", "The rest", (("main", 1.0), ("hall", -0.5)))

    found = parse_formula(f"main - 2 * {typed}", METERS, (rest,))

    assert found.problem.sentence == (
        "The rest (virtual:rest) is a virtual meter itself: write the meters that it is made of, "
        "main \u2212 0.5 \u00d7 hall."
    )
    assert found.problem.end == len(f"main - 2 * {typed}")


def test_a_virtual_meter_with_the_name_of_a_formula_hides_no_meter():
    named = VirtualMeter("x", "main - hall", (("hall-1-east", 1.0),))

    assert parse_formula("main - hall", METERS, (named,)).terms == (("main", 1.0), ("hall", -1.0))


def test_the_terms_before_a_mistake_are_known():
    assert parse_formula("main - 2 hall + nobody", METERS).terms == (("main", 1.0), ("hall", -2.0))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([m.meter_id for m in METERS]),
            st.floats(0.001, 999.0).map(lambda f: round(f, 6)) | st.just(1.0),
            st.sampled_from([1.0, -1.0]),
        ),
        min_size=1,
        unique_by=lambda t: t[0],
    )
)
def test_what_was_written_is_read_back(drawn):
    terms = tuple((meter, size * sign) for meter, size, sign in drawn)

    found = parse_formula(formula_text(terms), METERS)

    assert found.problem is None
    assert found.terms == terms


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_formula_or_told_why_not(text):
    found = parse_formula(text, METERS)

    if found.problem is None:
        assert found.terms
    else:
        assert 0 <= found.problem.start <= found.problem.end <= len(text)
        assert found.problem.sentence
