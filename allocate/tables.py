"""Every column of every table, described once: the reader, the messages and data/README.md use these lines."""

from dataclasses import dataclass
from typing import Literal

from allocate.units import Basis

Kind = Literal["id", "text", "whole", "number", "choice"]

PLACE_KINDS = ("village", "community", "zone")
TOWN_KINDS = ("street", "town")
SETTINGS = ("urban", "rural")
INSTITUTION_KINDS = (
    "hospital",
    "township_hospital",
    "community_centre",
    "station",
    "clinic",
    "ems_station",
    "hospital_site",
)
HUB_KINDS = ("township_hospital", "community_centre")
# Whose staff belongs to the hub above.
BELOW_HUBS = ("station", "clinic")
# No circle counts them: an ambulance station comes to people, and a hospital that gets a new site is for the district.
NOT_GONE_TO = ("ems_station", "hospital_site")
# The kinds of institution that may stand above one: a station or clinic has a hub, and a hub its hospital.
KINDS_ABOVE = {
    **dict.fromkeys(BELOW_HUBS, HUB_KINDS),
    **dict.fromkeys(HUB_KINDS, ("hospital",)),
}
# Of those who are posted, from the lowest to the highest.
RANKS = ("resident", "attending", "associate_senior", "senior")
# What kind of hospital one is, and who runs an institution.
HOSPITAL_TYPES = ("general", "tcm", "specialised")
OWNERSHIPS = ("public", "non_profit", "for_profit")
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri")
HALF_NAMES = ("am", "pm")
# What ends a site in a plan: closed for good, all its people at one other site, or its work taken up nearby.
ENDS = ("close", "merge", "move")
# From the widest to the narrowest. After the classes of OpenStreetMap (highway=…); 公路: 高速, 国道/主干路, 省道, 县道,
# 乡道/支路, 村道, …
ROAD_CLASSES = (
    "motorway",
    "trunk",
    "primary",
    "secondary",
    "tertiary",
    "residential",
    "service",
    "track",
    "cycleway",
    "path",
    "ferry",
)
BASES = tuple(Basis)
# Whether an institution has a field.
HAS = ("yes", "no")

# The rectangle that holds China: a coordinate outside it is a mistake, most often swapped axes.
LON_RANGE = (73.0, 136.0)
LAT_RANGE = (3.0, 54.0)

# The column that says which datum a row's position is in; it ends where the row is read.
DATUM = "datum"

# More people than any village or community has.
MOST_PEOPLE = 2_000_000
YEARS = (1900, 2200)
# More than any village or community has built on [m²].
MOST_BUILT_UP = 1_000_000_000
# By what the people of a town or a district may be spread over its places, the best first.
MEASURES = ("households", "buildings", "built_up")
# People of a household that nobody wonders at: fewer or more, and one of both numbers is wrong.
HOUSEHOLD_SIZE = (1.5, 5.0)
# The age groups that tables may give beside all residents.
AGE_COLUMNS = {
    "people_65": ("65岁及以上人口", "residents aged 65 and over"),
    "people_0_14": ("0—14岁人口", "residents aged 0 to 14"),
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        The heading.
    kind
        What its cells hold: an id (kept as text), text, a whole number, a number, or one of `choices`.
    zh, en
        What it means.
    unit
        The unit of a number; empty for text.
    low, high
        The range of a number, both ends allowed.
    choices
        What a cell may say, where `kind` is "choice".
    needed
        Whether the heading must be there.
    filled
        Whether every cell must hold something.
    unique
        Whether no two rows may say the same.
    """

    name: str
    kind: Kind
    zh: str
    en: str
    unit: str = ""
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()
    needed: bool = True
    filled: bool = True
    unique: bool = False


@dataclass(frozen=True)
class Table:
    """One file of a district folder."""

    file: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    needed: bool = True

    @property
    def name(self) -> str:
        """What the table is called: its file without the ending."""
        return self.file.removesuffix(".csv")

    def column(self, name: str) -> Column:
        """Return a column by its heading."""
        return next(column for column in self.columns if column.name == name)


def _basis(of: str, zh: str, en: str, *, filled: bool = True) -> Column:
    return Column(
        f"{of}_basis",
        "choice",
        f"{zh}的依据",
        f"basis of the {en}",
        choices=BASES,
        needed=filled,
        filled=filled,
    )


# Where the numbers of a row come from.
_TOLD = (
    Column("basis", "choice", "依据", "basis", choices=BASES),
    Column("source", "text", "来源", "source"),
)


def _spot(*, filled: bool) -> tuple[Column, ...]:
    return (
        Column("lon", "number", "经度", "longitude", "°", *LON_RANGE, needed=filled, filled=filled),
        Column("lat", "number", "纬度", "latitude", "°", *LAT_RANGE, needed=filled, filled=filled),
        Column(
            DATUM,
            "text",
            "坐标系，与 district.toml 不同时写：wgs84、cgcs2000、gcj02（高德、腾讯）、bd09（百度）或 EPSG:4527 之类",
            "datum where it is not that of district.toml: wgs84, cgcs2000, gcj02 (Amap, Tencent), bd09 (Baidu), "
            "or a code such as EPSG:4527",
            needed=False,
            filled=False,
        ),
    )


def _position(*, filled: bool) -> tuple[Column, ...]:
    return (*_spot(filled=filled), _basis("position", "位置", "position", filled=filled))


def _some_people(name: str, zh: str, en: str) -> Column:
    return Column(name, "whole", zh, en, "persons", 0, MOST_PEOPLE, needed=False, filled=False)


def _some_count(name: str, zh: str, en: str, unit: str) -> Column:
    return Column(name, "whole", zh, en, unit, 0, MOST_PEOPLE, needed=False, filled=False)


def _some_year(name: str, zh: str, en: str) -> Column:
    return Column(name, "whole", zh, en, "", *YEARS, needed=False, filled=False)


def _places(*, filled: bool) -> tuple[Column, ...]:
    return (
        Column("id", "id", "统计用区划代码", "statistical code", unique=True),
        Column("name", "text", "名称", "name"),
        Column("short_name", "text", "简称", "short name", needed=False, filled=False),
        Column("kind", "choice", "类型：村、社区、园区", "village, community or zone", choices=PLACE_KINDS),
        Column("town", "id", "所属街镇代码", "code of the town that it belongs to"),
        Column("zone", "text", "所属功能区", "special zone that it lies in", needed=False, filled=False),
        Column("setting", "choice", "城乡", "urban or rural", choices=SETTINGS, needed=False, filled=False),
        Column("people", "whole", "常住人口", "residents", "persons", 0, MOST_PEOPLE, needed=filled, filled=filled),
        _basis("people", "常住人口", "residents", filled=filled),
        *(
            column
            for name, (zh, en) in AGE_COLUMNS.items()
            for column in (_some_people(name, zh, en), _basis(name, zh, en, filled=False))
        ),
        *_position(filled=filled),
        # What people may be spread by, and by what they were.
        _some_count("households", "户数", "households", "households"),
        _some_count("buildings", "房屋栋数", "buildings", "buildings"),
        Column(
            "built_up",
            "number",
            "建成区或宅基地面积",
            "built-up area",
            "m²",
            0,
            MOST_BUILT_UP,
            needed=False,
            filled=False,
        ),
        *(
            Column(name, "text", zh, en, needed=False, filled=False)
            for name, (zh, en) in {
                "people_source": ("人口数的来源，或按什么推算", "source of the people, or by what they were estimated"),
                "position_source": ("位置的来源，或怎样推算", "source of the position, or how it was estimated"),
            }.items()
        ),
    )


_TOWN_COLUMNS = (
    Column("id", "id", "街镇代码", "code of the town", unique=True),
    Column("name", "text", "名称", "name"),
    Column("kind", "choice", "街道或镇", "street or town", choices=TOWN_KINDS),
    Column(
        "hosts",
        "text",
        "代管的功能区（分号分隔）",
        "special zones counted here; semicolons between",
        needed=False,
        filled=False,
    ),
    Column(
        "near",
        "id",
        "位置未知时，靠近哪个街镇",
        "where the position is unknown: the town it lies beside",
        needed=False,
        filled=False,
    ),
)

PLACES = Table("places.csv", "需求点：村和社区", "demand points: villages and communities", _places(filled=True))
PLACES_TO_ESTIMATE = Table(
    "places.csv",
    "待推算的村和社区清单",
    "a village list whose gaps are to be estimated",
    _places(filled=False),
)
# The published totals of a town, to which its places then add up.
_TOWN_PEOPLE = tuple(
    column
    for name, (zh, en) in {"people": ("常住人口合计", "residents"), **AGE_COLUMNS}.items()
    for column in (_some_people(name, zh, en), _basis(name, zh, en, filled=False))
)
TOWNS = Table("towns.csv", "街镇", "towns", (*_TOWN_COLUMNS, *_position(filled=True), *_TOWN_PEOPLE))
TOWNS_TO_ESTIMATE = Table(
    "towns.csv",
    "待推算的街镇清单",
    "towns whose gaps are to be estimated",
    (*_TOWN_COLUMNS, *_position(filled=False), *_TOWN_PEOPLE),
)


def _institutions(*, filled: bool) -> tuple[Column, ...]:
    return (
        Column("id", "id", "机构编号", "id", unique=True),
        Column("name", "text", "名称", "name"),
        Column("kind", "choice", "类型", "kind", choices=INSTITUTION_KINDS),
        Column("town", "id", "所属街镇代码", "code of the town", needed=filled, filled=filled),
        _basis("town", "所属街镇", "town", filled=False),
        Column("place", "id", "所在村或社区代码", "code of the place where it stands", needed=False, filled=False),
        _basis("place", "所在地点", "spot where it stands", filled=False),
        Column("name_basis", "choice", "名称及存在的依据", "basis of name and existence", choices=BASES),
        *_position(filled=filled),
        Column("source", "text", "来源", "source"),
        Column(
            "parent",
            "id",
            "上级机构编号：站和卫生室写卫生院或中心，卫生院和中心写医院；不写按最近的推定",
            "id of the institution above: a hub for a station or clinic, a hospital for a hub; if blank, the nearest",
            needed=False,
            filled=False,
        ),
        _basis("parent", "上级机构", "institution above", filled=False),
        Column("level", "whole", "医院等级：1、2、3 级", "level of a hospital", "", 1, 3, needed=False, filled=False),
        Column(
            "type",
            "choice",
            "医院类型：综合、中医、专科",
            "type of a hospital",
            choices=HOSPITAL_TYPES,
            needed=False,
            filled=False,
        ),
        Column(
            "ownership",
            "choice",
            "举办性质：公立、非营利、营利",
            "who runs it: public, non-profit, for profit",
            choices=OWNERSHIPS,
            needed=False,
            filled=False,
        ),
        _basis("profile", "等级、类型和性质", "level, type and ownership", filled=False),
    )


INSTITUTIONS = Table(
    "institutions.csv",
    "现有机构",
    "institutions that exist",
    _institutions(filled=True),
    needed=False,
)
INSTITUTIONS_TO_ESTIMATE = Table(
    "institutions.csv",
    "现有机构，其中有的只知道数量，位置待推算",
    "institutions that exist, of some of which only the number is known: their gaps are to be estimated",
    _institutions(filled=False),
    needed=False,
)
FUNCTIONS = Table(
    "functions.csv",
    "各机构今天已有的功能（模型里的 [functions.*]）；没有列出的按没有计",
    "functions that institutions have today, as named in the model; what is not listed is not there",
    (
        Column("institution", "id", "机构编号", "id of the institution"),
        Column("function", "id", "功能（模型里的名称）", "function, as in the model"),
        Column(
            "centre",
            "id",
            "由哪家中心提供；自己设的空白",
            "id of the centre that provides it; blank where it is its own",
            needed=False,
            filled=False,
        ),
        *_TOLD,
    ),
    needed=False,
)
CARE_HOMES = Table(
    "care_homes.csv",
    "养老机构，以及今天与哪家医疗机构签约（模型写 [contracts] 时用）",
    "care homes, and with which health institution each has a contract today (used where the model has [contracts])",
    (
        Column("id", "id", "养老机构编号", "id of the care home", unique=True),
        Column("name", "text", "名称", "name"),
        Column("town", "id", "所属街镇代码", "code of the town"),
        Column("beds", "whole", "养老床位", "beds", "beds", 1, 10_000),
        *_position(filled=True),
        Column(
            "institution",
            "id",
            "今天签约的医疗机构编号；没有签约的空白",
            "id of the institution with which it has a contract today; blank where it has none",
            needed=False,
            filled=False,
        ),
        Column("basis", "choice", "名称、床位和签约的依据", "basis of name, beds and contract", choices=BASES),
        Column("source", "text", "来源", "source"),
    ),
    needed=False,
)
# The most that opening or running one site may cost [yuan].
_MOST_YUAN = 10**12
CANDIDATES = Table(
    "candidates.csv",
    "规划人员自己列的候选点：可以在这些位置新设站、室或急救站点",
    "a planner's own list of candidates: spots where clinics, stations or ambulance stations may be opened",
    (
        Column("id", "id", "候选点编号", "id of the candidate", unique=True),
        Column("kind", "choice", "拟设类型", "kind of site", choices=(*BELOW_HUBS, *NOT_GONE_TO)),
        Column("name", "text", "名称", "name"),
        Column("town", "id", "所属街镇代码", "code of the town"),
        *_spot(filled=True),
        Column(
            "place",
            "id",
            "所在村或社区代码：写了就代替该处居中的候选点",
            "code of the place where it stands: it takes the place of the candidate in the middle of that place",
            needed=False,
            filled=False,
        ),
        Column(
            "opening",
            "whole",
            "一次性开办费；空白按模型",
            "one-off cost; blank: as the model says",
            "yuan",
            0,
            _MOST_YUAN,
            needed=False,
            filled=False,
        ),
        Column(
            "yearly",
            "whole",
            "每年运行费；空白按模型",
            "cost of a year; blank: as the model says",
            "yuan",
            0,
            _MOST_YUAN,
            needed=False,
            filled=False,
        ),
        Column("reason", "text", "为何可选，如“闲置校舍”", "why it may stand here, such as an empty school"),
        *_TOLD,
    ),
    needed=False,
)
STAFF = Table(
    "staff.csv",
    "现有人员和床位：没有列出的机构按没有计",
    "staff and beds that exist: an institution that is not listed has none",
    (
        Column("institution", "id", "机构编号", "id of the institution"),
        Column(
            "resource",
            "id",
            "人员或床位的种类（模型里的名称）",
            "kind of staff or bed, as in the model",
        ),
        Column("number", "whole", "数量", "how many", "", 0, 100_000),
        *_TOLD,
    ),
    needed=False,
)
FIELDS = Table(
    "fields.csv",
    "各机构已有或缺少的专业（模型有 match 目标时用）；没有列出的按不知道计",
    "which fields an institution has or lacks (used where the model has the goal match); what is not listed is unknown",
    (
        Column("hub", "id", "卫生院、中心或医院的编号", "id of the hub or hospital"),
        Column("specialty", "id", "专业（模型里的名称）", "specialty, as in the model"),
        Column("has", "choice", "是否已有", "whether it has the field", choices=HAS),
        *_TOLD,
    ),
    needed=False,
)
FACTS = Table(
    "facts.csv",
    "公布的总数",
    "published totals",
    (
        Column("indicator", "id", "指标", "indicator", unique=True),
        Column("value", "whole", "数值", "value", "", 0, 2_000_000_000),
        Column("unit", "text", "单位", "unit"),
        Column("date", "text", "日期", "date"),
        *_TOLD,
    ),
    needed=False,
)
TRAVEL = Table(
    "travel.csv",
    "自备的出行时间：列出的方式只认表中的起止点，未列的视为不可达；其他方式仍按直线推算",
    "your own travel times: a mode that is listed reaches only the pairs listed; straight lines serve the other modes",
    (
        Column("from", "id", "出发的村或社区代码", "code of the place of departure"),
        Column("to", "id", "到达的村、社区、机构或候选点", "place, institution or candidate of arrival"),
        Column("mode", "id", "方式", "mode"),
        Column("minutes", "number", "单程时间", "time one way", "min", 0, 1440),
    ),
    needed=False,
)
# What is faster than this is no way to travel within a district.
MOST_KMH = 200
OBSERVED = Table(
    "observed.csv",
    "实测的出行时间：用来校正各出行方式的速度；有 5 对以上起止点的方式才校正（travel.csv 列出的起止点不算）",
    "travel times that somebody observed: they correct the speeds of a way to travel from 5 pairs on "
    "(pairs that travel.csv lists do not count)",
    (
        Column("from", "id", "出发的村、社区、机构或养老机构", "place, institution or care home of departure"),
        Column("to", "id", "到达的村、社区、机构或养老机构", "place, institution or care home of arrival"),
        Column("mode", "id", "方式（模型里的名称）", "mode, as in the model"),
        Column("minutes", "number", "实测的单程时间", "observed time one way", "min", 0.1, 1440),
        Column("date", "text", "日期", "date", needed=False, filled=False),
        Column("remark", "text", "天气、时段等说明", "weather, time of day and the like", needed=False, filled=False),
        *_TOLD,
    ),
    needed=False,
)

GROWTH = Table(
    "growth.csv",
    '各街镇人口的年增长率（模型写 method = "growth" 时用）；没有列出的街镇人口不变',
    'how fast the people of each town grow (used where the model says method = "growth"); '
    "a town without a row keeps its people",
    (
        Column("town", "id", "街镇代码", "code of the town"),
        Column(
            "percent",
            "number",
            "每年增长，减少为负",
            "growth a year; negative where people become fewer",
            "%",
            -100,
            100,
        ),
        _some_year("from_year", "从哪一年起；空白为普查年", "from this year on; blank: from the census on"),
        _some_year("to_year", "到哪一年止；空白为一直", "until this year; blank: without end"),
        *_TOLD,
    ),
    needed=False,
)
PEOPLE_BY_YEAR = Table(
    "population.csv",
    '自备的逐年人口（模型写 method = "table" 时用）：每个规划年每处一行；年龄组空白时按今天的比例',
    'your own people by year (used where the model says method = "table"): a row for every place and plan year; '
    "a blank age group keeps today's share",
    (
        Column("place", "id", "村或社区代码", "code of the place"),
        Column("year", "whole", "年份", "year", "", *YEARS),
        Column("people", "whole", "常住人口", "residents", "persons", 0, MOST_PEOPLE),
        *(_some_people(name, zh, en) for name, (zh, en) in AGE_COLUMNS.items()),
        *_TOLD,
    ),
    needed=False,
)


def _experts() -> tuple[Column, ...]:
    return (
        Column(
            "hospital", "id", "派出的医院编号，或模型里区外单位的名称", "id of the hospital, or supporter of the model"
        ),
        Column("specialty", "id", "专业（小写英文名称）", "specialty, in small letters"),
        Column("rank", "choice", "职称（至少）", "rank, at least", choices=RANKS),
    )


POOLS = Table(
    "pools.csv",
    "各医院能派出的专家：有这张表时，模型里的 [pools.*] 不再起作用",
    "experts whom hospitals can let go: where this table is there, it counts instead of the model's [pools.*]",
    (
        *_experts(),
        Column("away", "whole", "最多同时外派", "how many can be away at once", "persons", 0, 1000),
        Column(
            "tours",
            "whole",
            "一年最多派出几期；空白为能排多少排多少",
            "most tours that begin in a year; blank: as many as fit",
            "",
            0,
            12_000,
            needed=False,
            filled=False,
        ),
        Column(
            "months",
            "text",
            "可外派的月份，如 1-3,11-12；空白为全年",
            "months in which they may be away, such as 1-3,11-12; blank: all",
            needed=False,
            filled=False,
        ),
        Column(
            "days_per_week",
            "number",
            "每周在基层几天；空白为 5",
            "days a week on which they are at the hub; blank: 5",
            "",
            0.5,
            7,
            needed=False,
            filled=False,
        ),
        Column(
            "resource",
            "id",
            "属于模型里的哪种人员：外派的不超过在岗的；空白为不限",
            "staff of the model that they are part of: no more are away than work there; blank: not asked",
            needed=False,
            filled=False,
        ),
        *_TOLD,
    ),
    needed=False,
)
TOURS = Table(
    "tours.csv",
    "第一个规划年开始时已在外派驻的人，每人一行（模型写 cyclic = false 时用）",
    "who is away already when the first plan year begins, a row for each person "
    "(used where the model says cyclic = false)",
    (
        *_experts(),
        Column("hub", "id", "派驻机构编号", "id of the institution to which the person is posted"),
        Column(
            "until", "whole", "到第一个规划年的几月底", "until the end of this month of the first plan year", "", 1, 12
        ),
        *_TOLD,
    ),
    needed=False,
)
SESSIONS = Table(
    "sessions.csv",
    "不能巡诊的半天：集日、农忙等",
    "half-days without rounds: market days, farming hours",
    (
        Column(
            "where",
            "id",
            "村、街镇或派出机构的代码；写街镇就是全镇各村",
            "code of a village, a town or an institution that sends; of a town: all its villages too",
        ),
        Column(
            "day",
            "choice",
            "星期几；空白为每天",
            "day; blank: every day",
            choices=DAY_NAMES,
            needed=False,
            filled=False,
        ),
        Column(
            "half",
            "choice",
            "上午或下午；空白为全天",
            "morning or afternoon; blank: both",
            choices=HALF_NAMES,
            needed=False,
            filled=False,
        ),
        Column("reason", "text", "原因", "reason"),
        *_TOLD,
    ),
    needed=False,
)

TABLES = (
    PLACES,
    TOWNS,
    INSTITUTIONS,
    STAFF,
    FIELDS,
    FACTS,
    TRAVEL,
    GROWTH,
    PEOPLE_BY_YEAR,
    POOLS,
    TOURS,
    SESSIONS,
    FUNCTIONS,
    CARE_HOMES,
    CANDIDATES,
    OBSERVED,
)

# What a layer of roads says of its lines; its shapes say the rest.
ROADS = Table(
    "roads",
    "道路：由线组成的图层，每条线一行",
    "the roads: a layer of lines, one row for each",
    (
        Column(
            "class",
            "choice",
            "道路等级；`none`：不是道路（在建、规划、废弃），不用；整列没有：都按 `residential`",
            "class of the road; `none`: no road (planned, being built, given up), left out; without the column all are "
            "taken as `residential`",
            choices=(*ROAD_CLASSES, "none"),
            needed=False,
            filled=False,
        ),
        Column(
            "oneway",
            "choice",
            "机动车只能沿画线方向（`forward`）、只能逆画线方向（`backward`）或双向（`both`，空着也是）；不限制步行和骑行",
            "whether cars go only as the line is drawn (`forward`), only against it (`backward`), or both ways "
            "(`both`, or blank); it does not bind walking and cycling",
            choices=("forward", "backward", "both"),
            needed=False,
            filled=False,
        ),
        Column(
            "bridge",
            "text",
            "是不是桥或高架：空着、`否`、`F`、`no`、`0` 为不是，其余为是",
            "whether it is a bridge: not where blank, `no`, `F` or `0`, else it is",
            needed=False,
            filled=False,
        ),
        Column(
            "tunnel",
            "text",
            "是不是隧道或地道，写法同上",
            "whether it is a tunnel, written likewise",
            needed=False,
            filled=False,
        ),
        Column(
            "layer",
            "whole",
            "在第几层：地面 0，上跨为正，下穿为负；不同层的路只在端点处相接",
            "its layer: 0 on the ground, above it positive, below negative; roads of different layers meet only where "
            "one of them ends",
            low=-10,
            high=10,
            needed=False,
            filled=False,
        ),
    ),
    needed=False,
)

# The facts that the reader, the estimate and the projection know by name.
POPULATION, URBAN, RURAL, AGED_65, AGED_0_14, POPULATION_2010, REGISTERED = (
    "population",
    "population_urban",
    "population_rural",
    "population_65_and_over",
    "population_0_14",
    "population_2010",
    "population_registered",
)
# The published total of every column of people in places.csv.
TOTALS = {"people": POPULATION, "people_65": AGED_65, "people_0_14": AGED_0_14}
