"""Known mistakes in im2col and in convolution; its gradients are in `convolution_gradients`."""

from __future__ import annotations

from .library import Mistake, mistake

# Shared by the functions that share these lines.
STRIDE_FORGOTTEN = mistake(
    "stride-forgotten", "oy * stride, ox * stride", "oy, ox",
    "the stride is forgotten where windows are placed: each begins one pixel after the one before")
STRIDE_IN_ROWS_ONLY = mistake(
    "stride-in-rows-only", "oy * stride, ox * stride", "oy * stride, ox",
    "the stride is forgotten in one direction: windows are one pixel apart from left to right")
STRIDE_IN_COLUMNS_ONLY = mistake(
    "stride-in-columns-only", "oy * stride, ox * stride", "oy, ox * stride",
    "the stride is forgotten in one direction: windows are one pixel apart from top to bottom")
STRIDE_WITHIN = mistake(
    "stride-within-windows", "oy * stride, ox * stride", "oy, ox", "top : top + kernel_h",
    "top : top + kernel_h * stride : stride", "left : left + kernel_w", "left : left + kernel_w * stride : stride",
    "the stride is between the pixels of a window (that is dilation); it is between one window and the next")
PLACES_SWAPPED = mistake(
    "places-swapped", "oy * stride, ox * stride", "ox * stride, oy * stride",
    "row and column are swapped where windows are placed: oy goes down, ox goes to the right")
STEP_OF_KERNEL = mistake(
    "step-of-kernel", "oy * stride, ox * stride", "oy * kernel_h, ox * kernel_w",
    "windows step by the filter's own size, as in pooling; they move by `stride`")
HEIGHT_OF_KERNEL_FOR_WIDTH = mistake(
    "kernel-height-for-width", "left : left + kernel_w", "left : left + kernel_h",
    "the filter's height stands where its width belongs: right for square filters only")
PADDED_AT_THE_END = mistake(
    "padded-at-the-end", "(padding, padding), (padding, padding), (0, 0)", "(0, 2 * padding), (0, 2 * padding), (0, 0)",
    "the image lies in the upper left corner of the padded one, not in its middle: all zeros are below and to the "
    "right")
PADDED_AT_THE_START = mistake(
    "padded-at-the-start", "(padding, padding), (padding, padding), (0, 0)",
    "(2 * padding, 0), (2 * padding, 0), (0, 0)",
    "the image lies in the lower right corner of the padded one, not in its middle")
IN_ONE_DIRECTION = [
    mistake(f"padded-at-the-end-in-{which}-only", "(padding, padding), (padding, padding), (0, 0)", padded,
            f"the {which} are padded at the end only, twice as much; half of it belongs to the start")
    for which, padded in (("rows", "(0, 2 * padding), (padding, padding), (0, 0)"),
                          ("columns", "(padding, padding), (0, 2 * padding), (0, 0)"))
]  # fmt: skip
PADDED_WITH_EDGE = mistake(
    "padded-with-edge", "(padding, padding), (0, 0)))", '(padding, padding), (0, 0)), mode="edge")',
    "the padding repeats the image's border; it has to be zeros")
PADDED_WITH_REFLECTION = mistake(
    "padded-with-reflection", "(padding, padding), (0, 0)))", '(padding, padding), (0, 0)), mode="reflect")',
    "the padding reflects the image; it has to be zeros")
PADDED_WITH_ONES = mistake(
    "padded-with-ones", "(padding, padding), (0, 0)))", "(padding, padding), (0, 0)), constant_values=1)",
    "the padding is ones; it has to be zeros")
_PADDED = "np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))"
PADDED_WITH_WRAP = mistake(
    "padded-with-wrap", _PADDED, _PADDED[:-1] + ', mode="wrap")',
    "the padding is the image's opposite border; it has to be zeros")
NEGATIVE_INDEX = mistake(
    "negative-index", _PADDED, f"{_PADDED}\n    padded[:, :padding] = padded[:, height : height + padding]\n"
    "    padded[:, :, :padding] = padded[:, :, width : width + padding]",
    "above and to the left the padding is the opposite border: x[-1] is the last row; 0 belongs where an index is "
    "negative")
_ROWS, _COLUMNS = "(height + 2 * padding - kernel_h) // stride + 1", "(width + 2 * padding - kernel_w) // stride + 1"
PADDING_IGNORED = mistake(
    "padding-ignored", "(padding, padding), (padding, padding), (0, 0)", "(0, 0), (0, 0), (0, 0)",
    _ROWS, "(height - kernel_h) // stride + 1", _COLUMNS, "(width - kernel_w) // stride + 1",
    "the padding is ignored: windows cover the bare image only")
PADDING_COUNTED_ONCE = mistake(
    "padding-counted-once", _ROWS, "(height + padding - kernel_h) // stride + 1",
    _COLUMNS, "(width + padding - kernel_w) // stride + 1",
    "the padding is counted on one side only in the size of the output: it is on both, so 2 * padding")


def stride_ignored_in(rows: str, columns: str) -> list[Mistake]:
    """The stride ignored in one direction, where these are the numbers of windows."""
    return [
        mistake(f"stride-ignored-in-{which}", size, size.removesuffix(" // stride + 1")[1:-1] + " + 1",
                "oy * stride, ox * stride", places, f"the stride is ignored in the {which}: there is a window at each")
        for which, size, places in (("rows", rows, "oy, ox * stride"), ("columns", columns, "oy * stride, ox"))
    ]  # fmt: skip


PADDING_IGNORED_IN = [
    mistake(f"padding-ignored-in-{which}", "(padding, padding), (padding, padding), (0, 0)", padded,
            size, size.replace(" + 2 * padding", ""), f"the padding is ignored in the {which}")
    for which, size, padded in (("rows", _ROWS, "(0, 0), (padding, padding), (0, 0)"),
                                ("columns", _COLUMNS, "(padding, padding), (0, 0), (0, 0)"))
]  # fmt: skip
LATE_START = mistake(
    "late-start", _ROWS, "(height + 2 * padding - kernel_h + 1) // stride", _COLUMNS,
    "(width + 2 * padding - kernel_w + 1) // stride", "oy * stride, ox * stride",
    "oy * stride + stride - 1, ox * stride + stride - 1", "the first window begins at stride - 1; it begins at 0")
OWN_PADDING = "the padding is computed from the filter, for an output as large as the image; it is given"
STRIDE_IGNORED = mistake(
    "stride-ignored", _ROWS, "height + 2 * padding - kernel_h + 1", _COLUMNS, "width + 2 * padding - kernel_w + 1",
    "oy * stride, ox * stride", "oy, ox", "the stride is ignored: there is a window at every pixel")
ONE_WINDOW_SHORT = mistake(
    "one-window-short", _ROWS, "(height + 2 * padding - kernel_h) // stride",
    _COLUMNS, "(width + 2 * padding - kernel_w) // stride",
    "one window is missing at the end of each row and column: the + 1 of (size - kernel) // stride + 1 is forgotten")
ONE_ROW_SHORT = mistake(
    "one-row-of-windows-short", _ROWS, "(height + 2 * padding - kernel_h) // stride",
    "the last row of windows is missing: the + 1 of (size - kernel) // stride + 1 is forgotten")
ONE_COLUMN_SHORT = mistake(
    "one-column-of-windows-short", _COLUMNS, "(width + 2 * padding - kernel_w) // stride",
    "the last column of windows is missing: the + 1 of (size - kernel) // stride + 1 is forgotten")
SIZE_WITHOUT_KERNEL = mistake(
    "size-without-kernel", _ROWS, "(height + 2 * padding) // stride", _COLUMNS, "(width + 2 * padding) // stride",
    "top, left = oy * stride, ox * stride",
    "top, left = min(oy * stride, len(padded[0]) - kernel_h), min(ox * stride, len(padded[0, 0]) - kernel_w)",
    "the size of the output does not depend on the kernel; it is (size + 2 * padding - kernel) // stride + 1")
HEIGHT_FOR_WIDTH = mistake(
    "height-for-width", _COLUMNS, _ROWS,
    "the output's width is computed from the height: right for square images and filters only")
ONE_TOO_MANY = "the output has a row and a column too many: there are (size - window) // stride + 1"

SHARED = [  # by im2col and the forward pass
    PLACES_SWAPPED, STEP_OF_KERNEL, HEIGHT_OF_KERNEL_FOR_WIDTH, LATE_START, STRIDE_FORGOTTEN, STRIDE_WITHIN,
    STRIDE_IN_ROWS_ONLY, STRIDE_IN_COLUMNS_ONLY, PADDED_AT_THE_END, PADDED_AT_THE_START, *IN_ONE_DIRECTION,
    PADDED_WITH_EDGE, PADDED_WITH_REFLECTION, PADDED_WITH_ONES, PADDED_WITH_WRAP, NEGATIVE_INDEX, PADDING_IGNORED,
    *PADDING_IGNORED_IN, PADDING_COUNTED_ONCE, STRIDE_IGNORED, *stride_ignored_in(_ROWS, _COLUMNS), ONE_WINDOW_SHORT,
    ONE_ROW_SHORT, ONE_COLUMN_SHORT, HEIGHT_FOR_WIDTH,
]  # fmt: skip
IM2COL = [
    *SHARED,
    mistake("patch-channels-first", "patches.reshape", "patches.transpose(0, 1, 2, 5, 3, 4).reshape",
            "a patch is written channel by channel, (c, ky, kx); the order is (ky, kx, c)"),
    mistake("patch-columns-first", "patches.reshape", "patches.transpose(0, 1, 2, 4, 3, 5).reshape",
            "a patch is written column by column, (kx, ky, c); the order is (ky, kx, c)"),
    mistake("patch-channels-between", "patches.reshape", "patches.transpose(0, 1, 2, 3, 5, 4).reshape",
            "a patch is written in the order (ky, c, kx); the order is (ky, kx, c)"),
    mistake("patch-columns-and-channels-first", "patches.reshape", "patches.transpose(0, 1, 2, 5, 4, 3).reshape",
            "a patch is written in the order (c, kx, ky); the order is (ky, kx, c)"),
    mistake("patch-flipped", "patches.reshape", "patches[:, :, :, ::-1, ::-1].reshape",
            "each patch is turned by 180 degrees; the filter is not flipped here"),
    mistake("patch-upside-down", "patches.reshape", "patches[:, :, :, ::-1].reshape", "each patch is upside down"),
    mistake("patch-mirrored", "patches.reshape", "patches[:, :, :, :, ::-1].reshape", "each patch is mirrored"),
    mistake("kernel-sides-swapped", "= x.shape\n", "= x.shape\n    kernel_h, kernel_w = kernel_w, kernel_h\n",
            "height and width of the kernel are swapped"),
    mistake("rows-images-last", "patches.reshape", "patches.transpose(1, 2, 0, 3, 4, 5).reshape",
            "the rows are in the order (oy, ox, n): all images' first patches, then all second ones; the order is "
            "(n, oy, ox)"),
    mistake("rows-column-major", "patches.reshape", "patches.transpose(0, 2, 1, 3, 4, 5).reshape",
            "the patches of an image follow each other from top to bottom; the output column has to run fastest"),
    mistake("cols-transposed", "* channels)", "* channels).T", "cols is transposed: a patch has to be a row"),
    mistake("cols-reshaped-not-transposed", "patches.reshape(images * out_h * out_w, kernel_h * kernel_w * channels)",
            "patches.reshape(kernel_h * kernel_w * channels, images * out_h * out_w).T",
            "numbers of different patches are mixed: a reshape stands where a transposition belongs"),
    mistake("one-window-too-many", "patches.reshape(images * out_h * out_w,",
            "np.pad(patches, [(0, 0), (0, 1), (0, 1), *[(0, 0)] * 3]).reshape(images * (out_h + 1) * (out_w + 1),",
            ONE_TOO_MANY),
    mistake("images-in-a-row", "patches.reshape(images * out_h * out_w, kernel_h * kernel_w * channels)",
            "patches.swapaxes(0, 2).swapaxes(0, 1).reshape(out_h * out_w, images * kernel_h * kernel_w * channels)",
            "a row holds the patches of all images side by side; each patch is a row of its own"),
    mistake("cols-per-image", "patches.reshape(images * out_h * out_w,", "patches.reshape(images, out_h * out_w,",
            "cols has an axis for the images; all patches are rows of one matrix"),
    mistake("cols-not-flat", "patches.reshape(images * out_h * out_w, kernel_h * kernel_w * channels)", "patches",
            "cols still has an axis for each index; it has to be a matrix"),
    mistake("cols-per-pixel", "patches.reshape(images * out_h * out_w, kernel_h * kernel_w * channels)",
            "patches.reshape(images * out_h * out_w, kernel_h * kernel_w, channels)",
            "cols has an axis for the channels; a patch has to be one row"),
    mistake("patch-runs-along-the-diagonal", "padded[:, top : top + kernel_h, left : left + kernel_w]",
            "(lambda k: padded[:, top + k % kernel_h, left + k % kernel_w])(np.arange(kernel_h * kernel_w))"
            ".reshape(-1, kernel_h, kernel_w, channels)",
            "row and column of a patch run together, along a diagonal: repeat one of the two, tile the other"),
    mistake("channels-before-windows", "patches.reshape", "patches.transpose(0, 5, 1, 2, 3, 4).reshape",
            "numbers of different patches are mixed: the channels come before the windows in what is reshaped"),
    mistake("first-image-only", "padded[:, top", "padded[0, top", "every image gets the patches of the first one"),
    mistake("padding-computed", "= x.shape\n", "= x.shape\n    padding = (kernel_h - 1) // 2\n", OWN_PADDING),
    mistake("one-row-for-a-row-of-windows",
            "return patches.reshape(images * out_h * out_w, kernel_h * kernel_w * channels)",
            "left = patches[:, :, -1].reshape(images * out_h, -1)\n"
            "    return np.pad(left, ((0, images * out_h * (out_w - 1)), (0, 0)))",
            "the patches of an output row overwrite each other, and zeros follow: cols has a row for each of them"),
    mistake("images-averaged", "patches.reshape(images * out_h * out_w,", "patches.mean(axis=0).reshape(out_h * out_w,",
            "the images are averaged; each has patches of its own"),
    mistake("channels-summed", "patches.reshape", "np.repeat(patches.sum(-1, keepdims=True), channels, -1).reshape",
            "the channels are added up; each keeps its own place in the patch"),
]  # fmt: skip

_FLAT_ROWS = "y.transpose(1, 2, 0, 3)"
CONV2D_FORWARD = [
    *SHARED, SIZE_WITHOUT_KERNEL,
    *(mistake(entry.name, *entry.edits[0], "np.tensordot(patch, w, 3)", "(patch[..., None] * w).sum(axis=(1, 2, 3))",
              entry.says) for entry in (PLACES_SWAPPED, STEP_OF_KERNEL)),  # a patch that is cut off may broadcast
    mistake("filters-flipped", "(patch, w, 3)", "(patch, w[::-1, ::-1], 3)",
            "the filters are flipped (turned by 180 degrees); networks lay them on the image as they are"),
    mistake("filters-flipped-up-down", "(patch, w, 3)", "(patch, w[::-1], 3)", "the filters stand on their heads"),
    mistake("filters-flipped-left-right", "(patch, w, 3)", "(patch, w[:, ::-1], 3)", "the filters are mirrored"),
    mistake("filters-flipped-channels-too", "(patch, w, 3)", "(patch, w[::-1, ::-1, ::-1], 3)",
            "the filters are reversed along rows, columns and channels"),
    mistake("channels-reversed", "(patch, w, 3)", "(patch, w[:, :, ::-1], 3)",
            "the channels of filter and image meet in opposite orders"),
    mistake("filters-transposed", "(patch, w, 3)", "(patch, w.swapaxes(0, 1), 3)",
            "rows and columns of the filters are swapped: ky goes with the image's rows"),
    mistake("filters-reshaped", "(patch, w, 3)",
            "(patch, w.reshape(filters, kernel_h, kernel_w, -1).transpose(1, 2, 3, 0), 3)",
            "w is reshaped as if its first axis were the filters; that is its last one"),
    mistake("patch-order", "np.tensordot(patch, w, 3)",
            "patch.transpose(0, 3, 1, 2).reshape(images, -1) @ w.reshape(-1, filters)",
            "patches are written as (c, ky, kx), filters as (ky, kx, c): each weight meets another pixel"),
    *(mistake("patch-order-other", "np.tensordot(patch, w, 3)",
              f"patch.transpose(0, {order}).reshape(images, -1) @ w.reshape(-1, filters)",
              "patches are written in another order than filters, (ky, kx, c): each weight meets another pixel")
      for order in ("2, 1, 3", "1, 3, 2", "3, 2, 1", "2, 3, 1")),
    mistake("filter-order", "np.tensordot(patch, w, 3)",
            "patch.reshape(images, -1) @ w.transpose(2, 0, 1, 3).reshape(-1, filters)",
            "filters are written as (c, ky, kx), patches as (ky, kx, c): each weight meets another pixel"),
    mistake("bias-forgotten", " + b", "", "the bias is not added"),
    mistake("bias-subtracted", " + b", " - b", "the bias is subtracted"),
    mistake("bias-per-product", " + b", " + b * w[..., 0].size",
            "the bias is added kh * kw * C times, with each product; it belongs to the sum, once"),
    mistake("bias-per-channel", " + b", " + b * w.shape[2]",
            "the bias is added once for each input channel; it belongs to the sum, once"),
    mistake("bias-per-pixel", " + b", " + b * kernel_h * kernel_w",
            "the bias is added once for each pixel of the filter; it belongs to the sum, once"),
    mistake("first-bias-only", " + b", " + b[0]", "every filter gets the first filter's bias"),
    mistake("padding-computed", "= w.shape\n", "= w.shape\n    padding = (kernel_h - 1) // 2\n", OWN_PADDING),
    mistake("bias-in-first-row", " + b", " + b * (oy == 0)", "the bias is added in the first row of y only"),
    mistake("bias-times", " + b", " * b", "the bias is a factor; it is to be added"),
    mistake("first-channel-only", "(patch, w, 3)", "(patch[..., :1], w[:, :, :1], 3)",
            "only the first channel counts; the products of all channels are added"),
    mistake("last-channel-only", "(patch, w, 3)", "(patch[..., -1:], w[:, :, -1:], 3)",
            "only the last channel counts: is it `=` where `+=` belongs?"),
    mistake("last-pixel-only", "(patch, w, 3)", "(patch[:, -1:, -1:], w[-1:, -1:], 3)",
            "only the last pixel of the filter counts: `=` where `+=` belongs"),
    mistake("last-row-only", "(patch, w, 3)", "(patch[:, -1:], w[-1:], 3)",
            "only the last row of the filter counts: `=` where `+=` belongs"),
    mistake("last-product-only", "(patch, w, 3)", "(patch[:, -1:, -1:, -1:], w[-1:, -1:, -1:], 3)",
            "only the last product of the sum is left: `=` where `+=` belongs"),
    mistake("last-product-only-without-bias", "np.tensordot(patch, w, 3) + b",
            "(lambda ky, kx: patch[:, ky, kx] @ w[ky, kx]"
            " if min(ky, kx, top + ky - padding, left + kx - padding) >= 0 else b)"
            "(min(kernel_h, height + padding - top) - 1, min(kernel_w, width + padding - left) - 1)",
            "only the last product is left, the bias is lost, too: `=` where `+=` belongs"),
    mistake("last-product-only-without-bias", "np.tensordot(patch, w, 3) + b",
            "np.tensordot(patch[:, -1:, -1:, -1:], w[-1:, -1:, -1:], 3)",
            "only the last product is left, the bias is lost, too: `=` where `+=` belongs"),
    mistake("filter-channels-averaged", "np.tensordot(patch, w, 3)", "np.tensordot(patch, w, 3) / w.shape[2]",
            "the channels are averaged; their products are added"),
    *(mistake("window-averaged", "np.tensordot(patch, w, 3)", f"np.tensordot(patch, w, 3) / {count}",
              "the products are averaged; they are added") for count in ("w[..., 0].size", "w[..., 0, 0].size")),
    mistake("filter-s-first-channel", "(patch, w, 3)", "(patch, np.repeat(w[:, :, :1], w.shape[2], 2), 3)",
            "every channel is multiplied by the filter's weights of the first one"),
    mistake("first-filter-only", "(patch, w, 3)", "(patch, w[..., :1], 3)", "every filter gives what the first gives"),
    mistake("first-image-only", "padded[:, top", "padded[:1, top", "every image gives what the first one gives"),
    mistake("one-window-too-many", "return y", "return np.pad(y, ((0, 0), (0, 1), (0, 1), (0, 0)))", ONE_TOO_MANY),
    mistake("relu-applied", "return y", "return np.maximum(y, 0)", "negative values are cut: ReLU is not part of it"),
    mistake("output-channels-first", "return y", "return y.transpose(0, 3, 1, 2)",
            "the filters are the second axis; they are the last one: (N, OH, OW, F)"),
    mistake("output-transposed", "return y", "return y.swapaxes(1, 2)", "rows and columns of the output are swapped"),
    mistake("output-transposed-by-reshape", "return y", "return y.swapaxes(1, 2).reshape(y.shape)",
            "the output's rows are filled with its columns: windows run down first, the reshape goes along rows"),
    mistake("output-reshaped-images-last", "return y", f"return {_FLAT_ROWS}.reshape(y.shape)",
            "images are mixed: the rows of the product are in the order (oy, ox, n) and reshaped as (n, oy, ox)"),
    mistake("output-reshaped-images-first", "return y",
            "return y.reshape(out_h, out_w, images, filters).transpose(2, 0, 1, 3)",
            "images are mixed: the rows of the product are in the order (n, oy, ox) and reshaped as (oy, ox, n)"),
    mistake("output-reshaped-filters-first", "return y", "return np.moveaxis(y, 3, 0).reshape(y.shape)",
            "the product is (F, windows), and a reshape stands where a transposition belongs"),
    mistake("output-reshaped-per-image", "return y", "return np.moveaxis(y, 3, 1).reshape(y.shape)",
            "each image's output is (F, OH, OW), and a reshape stands where a transposition belongs"),
]  # fmt: skip

TABLES: dict[str, list[Mistake]] = {"im2col": IM2COL, "conv2d_forward": CONV2D_FORWARD}
