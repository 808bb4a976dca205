"""A figure in words and numbers, to be compared with what it was when somebody looked at it."""

import numpy as np


def described(figure):
    """Return size, layout, titles, axes, lines, bars, images and texts of a figure, as JSON has them."""
    size = [*map(float, figure.get_size_inches())]
    layout = figure.get_layout_engine()
    texts, axes = [text.get_text() for text in figure.texts], [axes_of(ax) for ax in figure.axes]
    return plain({"size": size, "layout": layout.get() if layout else None, "texts": texts, "axes": axes})


def axes_of(ax):
    """Return what one pair of axes shows."""
    found = {
        "title": ax.get_title() or ax.get_title(loc="left"), "labels": [ax.get_xlabel(), ax.get_ylabel()],
        "scales": [ax.get_xscale(), ax.get_yscale()], "limits": [*ax.get_xlim(), *ax.get_ylim()], "on": ax.axison,
        "ticks": [list(ax.get_xticks()), list(ax.get_yticks())] if ax.axison else [],
        "lines": [[line.get_xdata(), line.get_ydata(), line.get_color(), line.get_linestyle(), line.get_marker(),
                   line.get_label()] for line in ax.lines],
        "bars": [[*p.get_bbox().bounds, p.get_facecolor()] for p in ax.patches if hasattr(p, "get_bbox")],
        "images": [[np.shape(image.get_array()), summed(image.get_array()), image.get_clim(), image.get_cmap().name,
                    image.get_extent()] for image in ax.images],
        "collections": [[summed(c.get_offsets()), summed(c.get_array()), c.get_facecolor()[:3]]
                        for c in ax.collections],
        "texts": [[text.get_text(), text.get_position(), text.get_color(), text.get_fontsize()] for text in ax.texts],
        "legend": [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else [],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value not in ("", [], ["", ""])}


def summed(values):
    """Return the sums of an array, weighted so that an exchange of two numbers shows."""
    if values is None:
        return None
    flat = np.ma.filled(np.ma.asarray(values, float), 0).ravel()
    flat = np.where(np.isfinite(flat), flat, 0)
    return [flat.sum(), flat @ np.linspace(1, 2, flat.size)]


def plain(value):
    """Return it in JSON's words, numbers rounded."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray) and value.ndim == 0 or isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if isinstance(value, float) and np.isfinite(value):
        return float(f"{value:.5g}")
    return value if isinstance(value, (bool, int, str, type(None))) else str(value)


def differences(found, known, path="", rtol=2e-3, atol=1e-6):
    """Yield where two descriptions differ."""
    if isinstance(found, dict) and isinstance(known, dict):
        for name in sorted({*found, *known}):
            yield from differences(found.get(name), known.get(name), f"{path}.{name}", rtol, atol)
    elif isinstance(found, list) and isinstance(known, list) and len(found) == len(known):
        for i, pair in enumerate(zip(found, known)):
            yield from differences(*pair, f"{path}[{i}]", rtol, atol)
    elif isinstance(found, (int, float)) and isinstance(known, (int, float)):
        if not np.isclose(found, known, rtol=rtol, atol=atol):
            yield f"{path}: {found}, not {known}"
    elif found != known:
        yield f"{path}: {str(found)[:200]}, not {str(known)[:200]}"
