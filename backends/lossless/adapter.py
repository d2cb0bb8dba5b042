"""Say that this backend cannot answer yet."""

from memory_router.contract import serve_unavailable

serve_unavailable(
    "lossless",
    "The embedded conversation archive behind lossless is not part of this version.",
    "Its questions go on to qmd and totalrecall meanwhile; a backend of your own in backends/lossless/ of the config"
    " folder takes its place (see backends/CONTRACT.md).",
)
