"""Why a file is not used, for programs: the catalog says it in words too, for people."""

from enum import StrEnum


class Reason(StrEnum):
    """The column `reason_code` of the catalog; "" where a file is used."""

    NOT_FOLLOWED = "not_followed"  # a link, pipe or folder that is not opened
    NAME = "name_not_utf8"
    SYSTEM = "system_file"
    BESIDE = "beside_classes"
    NESTED = "nested_copy"
    UNREADABLE = "unreadable"
    LEFT_OUT = "left_out"  # by a person
    COPY = "exact_copy"
    TWO_LABELS = "two_labels"
    SMALL_CLASS = "small_class"
