"""Files by their names: which hold what, and what is in none."""

import pytest

from quietzone_analytics.archive.domain import File, Missing, check_gapless, file_of, in_order


def test_files_follow_each_other_from_the_first_record() -> None:
    files = [File("log", 3, 0, 4), File("log", 3, 5, 9)]

    assert in_order(reversed(files)) == files


@pytest.mark.parametrize(("files", "missing"), [([(1, 4)], "0 to 0"), ([(0, 4), (7, 9)], "5 to 6")])
def test_offsets_that_no_file_has_are_named(files: list[tuple[int, int]], missing: str) -> None:
    with pytest.raises(Missing, match=f"partition 3: offsets {missing} are in no file"):
        in_order(File("log", 3, first, last) for first, last in files)


def test_files_that_hold_nothing_new_are_left_out() -> None:
    chosen = in_order([File("log", 0, 0, 9), File("log", 0, 0, 4), File("log", 0, 3, 8), File("log", 0, 5, 12)])

    assert [(file.first, file.last) for file in chosen] == [(0, 4), (0, 9), (5, 12)]


@pytest.mark.parametrize("offsets", [[0, 2], [0, 1, 2, 3], [0, 1, 1], []])
def test_a_file_must_have_what_its_name_says(offsets: list[int]) -> None:
    with pytest.raises(Missing, match="its name says offsets 0 to 2"):
        check_gapless(File("log", 0, 0, 2), offsets)


def test_a_name_tells_its_file_and_other_names_tell_none() -> None:
    file = File("x-1_Y", 12, 5, 77)

    assert (file_of(file.key), file_of("scans/log=x/partition=01/notes.txt")) == (file, None)
