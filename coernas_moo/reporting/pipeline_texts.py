"""What the pages of tables 6 and 7 say of their data, and how the original data is used instead."""

from __future__ import annotations

from coernas_moo.benchmarks.pipeline.published import APTOS, RIVALS, WELDS
from coernas_moo.reporting.page import bullets, markdown_table, paragraph
from coernas_moo.reporting.pipeline_tables import PageText


def table6_text(command: str) -> PageText:
    """Of the steel defects."""
    return PageText(
        title="Table 6: search, then training, on steel surface defects",
        name="table6",
        command=command,
        before=(
            """A stand-in: the publication's table 6 is measured on weld-defect images of its authors, which are not
            published. This one is measured on X-SDD, defects of hot-rolled steel strip (seven classes), from
            which nothing about welds follows. Compare the rows with one another, not with the publication's.""",
        ),
        after=(
            "## Published",
            "",
            paragraph(f"COER-NAS 2026, table 6, on its own images and a GPU: {WELDS}."),
            "",
            *_rivals(),
            "## Other images",
            "",
            *bullets(
                "Weld images of your own, one folder a class: `coernas bench table6 path/to/welds --out my-table`."
            ),
            "",
        ),
    )


def table7_text(command: str) -> PageText:
    """Of the retinopathy grades."""
    return PageText(
        title="Table 7: search, then training, on grades of retinopathy",
        name="table7",
        command=command,
        before=(
            """A stand-in: the publication's table 7 is measured on the 3,662 photographs of APTOS-2019. This one is
            measured on a few hundred photographs in the same layout and with the same five grades, most of them
            healthy eyes. Test parts this small, with a few images of the rare grades, decide little: read the
            intervals, and do not compare with the publication's values. To know anything about APTOS-2019, run the
            command below.""",
        ),
        after=(
            "## On APTOS-2019 itself",
            "",
            paragraph(
                """The download of Kaggle's competition *aptos2019-blindness-detection* is taken as it is (`train.csv`
                and `train_images`; its test images have no grades). Its file names hold no patient, so there every
                image is a group of its own. The publication's rivals take 18 to 31 M parameters and images of 224x224:
                that wants a GPU, and `pip install 'coernas-moo[timm]'`."""
            ),
            "",
            "```text",
            "coernas bench table7 path/to/aptos2019-blindness-detection --set data.size=224 --device cuda \\",
            "  --workers 1 --run results/runs/aptos2019 --out results/aptos2019 \\",
            "  " + " ".join(f"--model {name}" for name in ("resnet18", "mobilenetv2")) + " \\",
            " \\\n".join(f"  --model {name}" for name in RIVALS.values() if name),
            "```",
            "",
            "## Published",
            "",
            paragraph(f"COER-NAS 2026, table 7, on APTOS-2019 and a GPU: {APTOS}."),
            "",
            *_rivals(),
        ),
    )


def _rivals() -> list[str]:
    lines = [[name, f"`{timm}`" if timm else "not in timm"] for name, timm in RIVALS.items()]
    return [
        "What it compares with, and what `--model` takes for it:",
        "",
        *markdown_table(("publication", "here"), lines),
        "",
    ]
