"""Tell how honest `relevance` is: claimed against right in ten bins, as a table and a picture in docs/.

`fit_relevance.py --cross --docs` writes both, from worlds that were judged with weights fitted on the others.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "concepts.md", DOCS / "images" / "reliability.svg"
BEGIN, END = "<!-- reliability, by benchmarks/fit_relevance.py -->", "<!-- end of reliability -->"
# Pixels: the length of an axis, the space beside it, and the radius of the largest bin.
SIDE, MARGIN, RADIUS = 320, 50, 14

Bins = Mapping[int, Sequence[tuple[float, bool]]]


def points(bins: Bins) -> list[tuple[float, float, int]]:
    """Return for each bin what its results claim on average, the share that is right, and how many they are."""
    return [
        (sum(claim for claim, _ in held) / len(held), sum(right for _, right in held) / len(held), len(held))
        for _, held in sorted(bins.items())
    ]


def table(bins: Bins) -> str:
    """Return the bins as a Markdown table."""
    rows = [f"| {claimed:.2f} | {right:.2f} | {count} |" for claimed, right, count in points(bins)]
    return "\n".join(("| claimed | right | results |", "|---|---|---|", *rows))


def picture(bins: Bins) -> str:
    """Return the bins as an SVG: a point each, larger for more results; on the diagonal claims are kept."""
    most = max(count for _, _, count in points(bins))
    end = MARGIN + SIDE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {end + MARGIN} {end + MARGIN}" font-family="sans-serif"'
        ' font-size="12" role="img" aria-label="Relevance claimed against the share that is right">',
        f'<rect width="{end + MARGIN}" height="{end + MARGIN}" fill="#fff"/>',
        f'<path d="M{MARGIN} {MARGIN}V{end}H{end}" fill="none" stroke="#444"/>',
        f'<path d="M{MARGIN} {end}L{end} {MARGIN}" stroke="#999" stroke-dasharray="4 4"/>',
        f'<text x="{MARGIN + SIDE / 2}" y="{end + 36}" text-anchor="middle">claimed</text>',
        f'<text x="14" y="{MARGIN + SIDE / 2}" text-anchor="middle"'
        f' transform="rotate(-90 14 {MARGIN + SIDE / 2})">right</text>',
    ]
    for share in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{MARGIN + share * SIDE}" y="{end + 16}" text-anchor="middle">{share:g}</text>')
        parts.append(f'<text x="{MARGIN - 8}" y="{end - share * SIDE + 4}" text-anchor="end">{share:g}</text>')
    for claimed, right, count in points(bins):
        radius = max(3.0, RADIUS * (count / most) ** 0.5)
        place = f'cx="{MARGIN + claimed * SIDE:.1f}" cy="{end - right * SIDE:.1f}" r="{radius:.1f}"'
        parts.append(f'<circle {place} fill="#2a6f97" fill-opacity="0.8"><title>{count} results</title></circle>')
    return "\n".join((*parts, "</svg>", ""))


def write(bins: Bins) -> None:
    """Write table and picture into docs/."""
    PICTURE.write_text(picture(bins), "utf-8")
    text = PAGE.read_text("utf-8")
    told = f"{BEGIN}\n{table(bins)}\n{END}"
    PAGE.write_text(re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: told, text, flags=re.DOTALL), "utf-8")
