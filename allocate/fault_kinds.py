"""Every kind of fault that a district's files can have, each with its sentence in the catalogue."""

from enum import StrEnum


class FaultKind(StrEnum):
    """A kind of fault; its value is the key of the sentence that says it, with the cure.

    Most are errors: nothing is planned before they are mended. What is only odd is a warning.
    """

    # files and folders
    FILE_MISSING = "problem.file_missing"
    FILE_ENCODING = "problem.file_encoding"
    FILE_TWICE = "fault.file_twice"
    FILE_ADDRESS = "fault.file_address"
    FILE_OUTSIDE = "fault.file_outside"
    FILE_LINK = "fault.file_link"
    FILE_FORMAT = "fault.file_format"
    FILE_CONTENT = "fault.file_content"
    FILE_LARGE = "fault.file_large"
    FILE_UNREADABLE = "fault.file_unreadable"
    ENCODING_NAME = "fault.encoding_name"
    ENCODING_WRONG = "fault.encoding_wrong"
    PART_MISSING = "fault.part_missing"
    PART_UNCLEAR = "fault.part_unclear"
    EXTRA_MISSING = "fault.extra_missing"
    # the card
    NOT_TOML = "problem.not_toml"
    CARD = "problem.card"
    CARD_TABLE = "fault.card_table"
    EPSG = "estimate.epsg"
    # spreadsheets
    # layers
    NOT_GEOJSON = "problem.not_geojson"
    BOUNDARY_SHAPE = "problem.boundary_shape"
    # databases
    # headings and lines
    NOT_CSV = "problem.not_csv"
    EMPTY = "problem.empty"
    SEPARATOR = "problem.separator"
    CELLS = "problem.cells"
    COLUMN_TWICE = "problem.column_twice"
    COLUMN_UNKNOWN = "problem.column_unknown"
    COLUMN_IDLE = "fault.column_idle"
    COLUMN_MISSING = "problem.column_missing"
    COLUMN_SAME = "fault.column_same"
    COLUMN_NAMED = "fault.column_named"
    HEADING_UNIT = "fault.heading_unit"
    TOTAL_ROW = "fault.total_row"
    # cells
    BLANK = "problem.blank"
    ID_NUMBER = "problem.id_number"
    ID_DIGITS = "fault.id_digits"
    ID_ALIKE = "fault.id_alike"
    CHOICE = "problem.choice"
    NOT_NUMBER = "problem.not_number"
    NOT_WHOLE = "problem.not_whole"
    NUMBER_UNCLEAR = "fault.number_unclear"
    NUMBER_READ = "fault.number_read"
    CODE_READ = "fault.code_read"
    UNIT_OTHER = "fault.unit_other"
    CELL_ERROR = "fault.cell_error"
    TEXT_BROKEN = "fault.text_broken"
    RANGE = "problem.range"
    KEY_VALUE = "problem.key_value"
    MONTHS = "problem.months"
    # between rows and tables
    TWICE = "problem.twice"
    UNKNOWN_CODE = "problem.unknown_code"
    PAIR_TWICE = "problem.pair_twice"
    STAFF_TWICE = "problem.staff_twice"
    FUNCTION_TWICE = "problem.function_twice"
    FIELD_TWICE = "problem.field_twice"
    POOL_TWICE = "problem.pool_twice"
    PLACE_YEAR_TWICE = "problem.place_year_twice"
    PARENT_BASIS = "problem.parent_basis"
    PARENT_NONE = "problem.parent_none"
    PARENT_KIND = "problem.parent_kind"
    FIELD_KIND = "problem.field_kind"
    TOWN_EMPTY = "problem.town_empty"
    # people
    NO_BASIS = "problem.no_basis"
    OLD_EXCEED = "problem.old_exceed"
    AGES_EXCEED = "problem.ages_exceed"
    SUM = "problem.sum"
    NOBODY = "problem.nobody"
    ESTIMATE_FIRST = "problem.estimate_first"
    GROWTH_ALL_LEAVE = "problem.growth_all_leave"
    GROWTH_YEARS = "problem.growth_years"
    GROWTH_OVERLAP = "problem.growth_overlap"
    # positions
    HALF_POSITION = "problem.half_position"
    OUTSIDE = "problem.outside"
    SAME_SPOT = "problem.same_spot"
    SWAPPED = "problem.swapped"
