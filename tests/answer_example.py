"""Tables and page of an answer that nobody asked for: every block there is, over the sites of a plan."""

from collections.abc import Sequence
from typing import Any

from allocate.answer import Answer
from allocate.plans import Plan
from allocate.report.blocks import (
    Axis,
    Bullets,
    Card,
    Cards,
    Chart,
    Contents,
    Heading,
    Heat,
    Mark,
    NewPage,
    PageBlock,
    Paragraph,
    Series,
    SiteClass,
)
from allocate.report.page_parts import bins_of, classed_map, grid_of, ground_of
from allocate.report.table import Field, Sheet, make_sheet
from allocate.words import Language

CLASSES = (
    SiteClass("firm", "一定要有", "A", "#0072b2", "circle"),
    SiteClass("swap", "可以替换", "B", "#e69f00", "square"),
    SiteClass("never", "不应设置", "C", "#d55e00", "triangle"),
    SiteClass("open", "尚未判定", "D", "#5a6670", "diamond"),
)


def answer_of(plan: Plan, name: str = "village", kind: Any = "prices") -> Answer:
    """Return an answer about the sites of a plan, with a text of a person's own in every place that has one."""
    content = plan.content
    told = ("id", "name", "town", "lon", "lat", "basis")
    sites = list({row["id"]: {key: row[key] for key in told} for row in content["sites"]}.values())
    return Answer(
        kind,
        {
            "model": "tiny",
            "title": {"zh": name, "en": name},
            "district": "tiny",
            "as_of": content["as_of"],
            "settings": {},
            "inputs": content["inputs"],
            "versions": content["versions"],
            "seeds": [1, 2, 3],
            "method": {"zh": name, "en": name},
            "rows": [
                {"name": name, "share": 0.99996, "people": 1234, "cost": 66_000},
                {"name": "=1+1", "share": 0.5, "people": 99, "cost": None},
            ],
            "sites": sites,
            "name": name,
            "towns": [f"{name}{at}" for at in range(14)],
            **ground_of(content),
        },
    )


def sheets(answer: Answer, language: Language) -> list[Sheet]:
    fields = (
        Field("name", "text"), Field("covered_share", "share"), Field("people", "whole"), Field("total", "yuan"),
    )  # fmt: skip
    rows = [{**row, "covered_share": row["share"], "total": row["cost"]} for row in answer.content["rows"]]
    return [make_sheet("compare_people", fields, rows)]


def charts(answer: Answer) -> list[Chart]:
    content = answer.content
    name, towns = content["name"], tuple(content["towns"])
    share, yuan = Axis("服务占比", "share"), Axis("费用（万元）")
    years = Axis("年份", "year")
    spent, proven = (10.0, 12.0, 16.0, 30.0, 95.5), (9.5, 11.0, 16.0, 25.0, None)
    front = Series("前沿", (0.61, 0.7, 0.8, 0.9, 0.99996), spent, proven)
    median = tuple(0.9 - 0.02 * at for at in range(len(towns)))
    boxes = Series(
        "", tuple(map(float, range(len(towns)))), median,
        tuple(one - 0.1 for one in median), tuple(min(1.0, one + 0.06) for one in median),
        tuple(one - 0.04 for one in median), tuple(one + 0.02 for one in median),
    )  # fmt: skip
    many = tuple(map(float, range(60)))
    return [
        Chart(f"每多服务一点要花多少钱 {name}", "line", share, yuan, (front,),
              (Mark("拐点", 0.8, 16.0), Mark("现行目标", x=0.9), Mark("预算上限", y=60.0)), "已证明的下限—找到的值"),
        Chart("两条曲线", "steps", years, share,
              (Series(name, (2025.0, 2027.0, 2030.0, 2035.0), (0.5, None, 0.9, 0.9999)),
               Series("对照", (2025.0, 2027.0, 2030.0, 2035.0), (0.4, 0.6, 0.7, 1.0)))),
        Chart("各街镇的分布", "box", Axis("街镇", names=towns), share, (boxes,), (Mark("要求", y=0.9),),
              "100 次抽样的 5%—95%", note="箱体为四分之一和四分之三分位。"),
        Chart("分项", "stacked", Axis("方案", names=("甲", "乙", "丙")), yuan,
              (Series("建设", (0.0, 1.0, 2.0), (5.0, 3.0, 4.0)), Series("运行", (0.0, 1.0, 2.0), (7.0, 9.5, 2.0)),
               Series("结余", (0.0, 1.0, 2.0), (-1.0, None, -2.5)))),
        Chart("龙卷风", "bars", Axis("因素", names=("人口增长", "电动车速度", "诊所年运行费", name)),
              Axis("秩相关系数"), (Series("", (0.0, 1.0, 2.0, 3.0), (0.92, -0.4, 0.05, -0.013)),)),
        Chart("散点", "scatter", Axis("费用", is_log=True), Axis("人数", "whole"),
              (Series("方案", (120.0, 3000.0, 45000.0), (5.0, 80.0, 1230.0), labels=("一", "二", name)),
               Series("其他", (500.0, 9000.0), (10.0, 400.0)))),
        Chart("抽样的覆盖率", "histogram", share, Axis("次数", "whole"),
              (bins_of("", [0.9 + 0.001 * ((7 * at) % 91) for at in range(100)]),), (Mark("方案", x=0.95),)),
        Chart("收敛", "line", Axis("步"), yuan,
              (Series("值", many, tuple(100.0 - one for one in many), tuple(50.0 - one / 2 for one in many),
                      tuple(110.0 - one for one in many)),)),
    ]  # fmt: skip


def blocks(answer: Answer, language: Language) -> Sequence[PageBlock]:
    content = answer.content
    sheet = sheets(answer, language)[0]
    groups = {row["id"]: CLASSES[at % len(CLASSES)].key for at, row in enumerate(content["sites"])}
    heat = Heat(
        "两个参数", "诊所年运行费", "服务占比", ("5.0 万", "6.6 万", content["name"]), ("90%", "95%"),
        ((1.0, 2.5, 9.0), (3.0, None, 4.0)), (("1.0", "2.5", "9.0"), ("3.0", "未找到", "4.0")), frozenset({(0, 0)}),
        "★ 费用最低。",
    )  # fmt: skip
    return [
        Cards((Card("必保站点", "123 个", "近优方案都有"), Card("覆盖", "99.9%", content["name"]))),
        Paragraph(content["name"]),
        Contents(),
        Heading("表"),
        Paragraph("有两处未达到。", "warning"),
        grid_of(sheet, language, unknown=("total",), strong=(1,)),
        heat,
        Heading("图"),
        *charts(answer),
        NewPage(),
        Heading("地图", 2),
        classed_map(content, groups, CLASSES, caption="站点分类", notes={content["sites"][0]["id"]: content["name"]}),
        Bullets((content["name"], "第二点")),
        Paragraph("小字说明", "note"),
    ]  # fmt: skip
