"""Why a file is not used, for programs: the catalog says it in words too, for people."""

from enum import StrEnum


class Reason(StrEnum):
    """The column `reason_code` of the catalog; "" where a file is used."""

    NOT_FOLLOWED = "not_followed"  # a link, pipe or folder that is not opened
    NAME = "name_not_utf8"
    SYSTEM = "system_file"
    BESIDE = "beside_classes"
    NESTED = "nested_copy"
    EXCLUDED = "excluded"  # by the params file
    SECOND_VERSION = "second_version"  # a mask, a thumbnail
    NO_FILE = "no_file"  # a row of a table without a photo
    NO_ROW = "no_row"  # a photo that no row of a table names
    UNREADABLE = "unreadable"
    LEFT_OUT = "left_out"  # by a person
    COPY = "exact_copy"
    TWO_LABELS = "two_labels"
    SMALL_CLASS = "small_class"
    NOT_TAUGHT = "not_taught"  # its class has no photo in the given train part
