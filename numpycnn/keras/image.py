"""``ImageDataGenerator``: batches of images, each changed at random; the core's affine maps and its warp draw them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..checks import check_finite, check_numeric, check_pair, check_positive
from ..data.augment import affine_maps
from ..files import path_text, printable
from ..terminal import warn
from .flows import FileFlow, Flow, targets_of
from .folders import class_folders, files_below, is_picture
from .missing import of_image as __getattr__  # noqa: F401  # Python asks it for names that are not there
from .notes import note, settle
from .pictures import CHANNELS, array_to_img, check_words, img_to_array, load_img, save_img
from .random import next_rng
from .warp import EDGES, warped
from .words import Worded

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img"]

EPSILON = 1e-6  # Keras adds it to each standard deviation
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff")
LISTS = "zoom_range", "width_shift_range", "height_shift_range"  # a number, or several
CHOICES: dict[str, tuple] = {
    "class_mode": ("categorical", "binary", "sparse", "input", None), "subset": ("training", "validation", None),
    "color_mode": tuple(CHANNELS),
}  # fmt: skip


def _ends(given: Any, name: str) -> tuple[float, float]:
    """Return the lowest and the highest of two numbers."""
    if np.shape(given) != (2,):
        raise ValueError(f"{name}: expected two numbers, the lowest and the highest, got {given!r}")
    low, high = sorted(check_finite(each, name) for each in given)
    return low, high


def _column(table: Any, name: Any) -> Any:
    """Return a column of a table, or those of a list of names."""
    try:
        return table[name]
    except KeyError:
        got = ", ".join(map(str, table))
        raise ValueError(f"flow_from_dataframe: expected a column {name!r}, got the columns {got}") from None


def _labels(column: Any, name: str) -> list[str]:
    """Return the classes' names; what is missing in a table is none."""
    for row, label in enumerate(column):
        if not isinstance(label, str) and str(label) in ("nan", "None", "<NA>"):
            text = f"expected a class in each row of {name!r}, got {label} at row {row}"
            raise ValueError(f"flow_from_dataframe: {text}; dataframe.dropna() leaves such rows out")
    return [str(label) for label in column]


class ImageDataGenerator(Worded):
    """Says how images are changed; ``flow(x, y)`` gives batches of them."""

    words = {"featurewise_center": False, "samplewise_center": False, "featurewise_std_normalization": False,
             "samplewise_std_normalization": False, "zca_whitening": False, "zca_epsilon": 1e-6, "rotation_range": 0,
             "width_shift_range": 0.0, "height_shift_range": 0.0, "brightness_range": None, "shear_range": 0.0,
             "zoom_range": 0.0, "channel_shift_range": 0.0, "fill_mode": "nearest", "cval": 0.0,
             "horizontal_flip": False, "vertical_flip": False, "rescale": None, "preprocessing_function": None,
             "data_format": None, "validation_split": 0.0, "interpolation_order": 1, "dtype": None}  # fmt: skip
    refused = {"interpolation_order": "it interpolates linearly, 1"}
    idle = ("dtype",)
    others = {
        **dict.fromkeys(("apply_transform", "get_random_transform"), ": random_transform(x) draws and changes at once"),
    }  # fmt: skip
    mean: Any = None
    std: Any = None
    principal_components: Any = None
    zoom_range: Any
    brightness_range: Any
    featurewise_center: Any
    featurewise_std_normalization: Any
    samplewise_center: Any

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        vars(self).update(self.config)
        if self.data_format not in (None, "channels_last"):
            raise ValueError("ImageDataGenerator: images are channels-last here: x.transpose(0, 2, 3, 1)")
        if self.fill_mode not in EDGES:
            raise ValueError(f"fill_mode: expected one of {', '.join(EDGES)}, got {self.fill_mode!r}")
        for name in ("rotation_range", "shear_range", "channel_shift_range", *LISTS):
            amount: Any = self.config[name]
            if amount is not False and not (name in LISTS and isinstance(amount, (list, tuple, np.ndarray))):
                check_positive(amount, name, zero_allowed=True)
        if np.ndim(self.zoom_range) == 0:
            self.zoom_range = 1 - self.zoom_range, 1 + self.zoom_range
        self.zoom_range = _ends(self.zoom_range, "zoom_range")
        if self.brightness_range is not None:
            self.brightness_range = _ends(self.brightness_range, "brightness_range")
        if self.validation_split and not 0 < self.validation_split < 1:
            raise ValueError(f"validation_split: expected a number between 0 and 1, got {self.validation_split!r}")
        self.featurewise_std_normalization = self.featurewise_std_normalization and not self.zca_whitening
        self.featurewise_center = self.featurewise_center or self.featurewise_std_normalization or self.zca_whitening
        self.samplewise_center = self.samplewise_center or self.samplewise_std_normalization  # all as in Keras

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find mean, deviation and whitening of these images."""
        x = np.array(x, np.float32) * (self.rescale or 1)
        if x.ndim != 4:
            raise ValueError(f"fit: expected images of shape (N, H, W, C), got {x.shape}")
        if augment:
            rng = next_rng(seed)
            x = np.concatenate([self._moved(x, rng) for _ in range(rounds)])
        if self.featurewise_center:
            self.mean = x.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
            x = x / (self.std + EPSILON)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            _, s, vt = np.linalg.svd(flat, full_matrices=False)
            scale = np.sqrt(len(flat)) / (s + self.zca_epsilon)
            self.principal_components = (vt.T * scale) @ vt

    def flow(self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None,
             seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
             ignore_class_split: bool = False, subset: str | None = None) -> Flow:  # fmt: skip
        """Return batches (x, y) without end; in ``fit`` an epoch is as many as there are images."""
        arrays: Any = [None if a is None else np.asarray(a) for a in (x, y, sample_weight)]
        if arrays[0].ndim != 4:
            raise ValueError(f"flow: expected images of shape (N, H, W, C), got {arrays[0].shape}")
        arrays = [None if a is None else self._part(a, subset) for a in arrays]
        return Flow(self, arrays, (save_to_dir, save_prefix, save_format), batch_size, shuffle, next_rng(seed))

    def random_transform(self, x: Any, seed: int | None = None) -> np.ndarray:
        """Return one image (H, W, C), moved at random."""
        return self._moved(np.asarray(x, np.float32)[None], next_rng(seed))[0]

    def standardize(self, x: Any) -> np.ndarray:
        """Return images (N, H, W, C) or one (H, W, C), rescaled, centred and whitened."""
        x = np.asarray(x, np.float32)
        return self._standardized(x) if x.ndim == 4 else self._standardized(x[None])[0]

    def flow_from_directory(
        self, directory: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", follow_links: bool = False,
        subset: str | None = None, interpolation: str = "nearest", keep_aspect_ratio: bool = False,
    ) -> FileFlow:  # fmt: skip
        """Return batches without end of pictures in a folder, a subfolder a class; each file is read when it is due."""
        check_words("flow_from_directory", CHOICES, class_mode=class_mode, subset=subset, color_mode=color_mode)
        root, names = path_text(directory, "directory"), class_folders(directory, classes)
        files: list[str] = []
        numbers: list[int] = []
        for number, name in enumerate(names):
            found = self._part(files_below(os.path.join(root, name), SUFFIXES, follow_links), subset)
            files += found
            numbers += [number] * len(found)
        print(f"Found {len(files)} images belonging to {len(names)} classes.")
        if not files:
            raise ValueError(f"flow_from_directory: expected pictures in subfolders of {printable(root)}, got none")
        loading = {"color_mode": color_mode, "target_size": check_pair(target_size, "target_size"),
                   "interpolation": interpolation, "keep_aspect_ratio": keep_aspect_ratio}  # fmt: skip
        flow = FileFlow(self, root, files, targets_of(numbers, names, class_mode), None, class_mode, loading,
                        (save_to_dir, save_prefix, save_format), batch_size, shuffle, next_rng(seed))  # fmt: skip
        return flow.with_classes(names, numbers)

    def flow_from_dataframe(
        self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class",
        weight_col: str | None = None, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", subset: str | None = None,
        interpolation: str = "nearest", validate_filenames: bool = True, **old: Any,
    ) -> FileFlow:  # fmt: skip
        """Return batches without end of the pictures that a table names, in one column, with their classes in another.

        Rows whose file is not there, or no picture by its name, are left out with a warning.
        """
        settle("flow_from_dataframe", old, "has_ext", "drop_duplicates", "sort")
        check_words("flow_from_dataframe", {**CHOICES, "class_mode": (*CHOICES["class_mode"], "raw")},
                    class_mode=class_mode, subset=subset, color_mode=color_mode)  # fmt: skip
        root = "" if directory is None else path_text(directory, "directory")
        paths = [os.path.join(root, str(name)) for name in _column(dataframe, x_col)]
        rows = [i for i, path in enumerate(paths) if not validate_filenames or is_picture(path, SUFFIXES)]
        if len(rows) < len(paths):
            warn(f"flow_from_dataframe: {len(paths) - len(rows)} names in {x_col!r} are left out: no pictures there")
        has_classes = class_mode in ("categorical", "binary", "sparse")
        labels = _labels(_column(dataframe, y_col), y_col) if has_classes else []
        names = [str(each) for each in classes] if classes else sorted({labels[i] for i in rows} if labels else ())
        if class_mode == "binary" and len(names) != 2:
            raise ValueError(f"flow_from_dataframe: class_mode='binary': expected two classes, got {len(names)}")
        rows = self._part([i for i in rows if not labels or labels[i] in names], subset)
        kind = "validated" if validate_filenames else "non-validated"
        print(f"Found {len(rows)} {kind} image filenames" + (f" belonging to {len(names)} classes." if labels else "."))
        if not rows:
            raise ValueError(f"flow_from_dataframe: expected files in the column {x_col!r}, got none that is there")
        numbers = np.array([names.index(labels[i]) for i in rows], np.int32) if labels else None
        targets = targets_of(numbers, names, class_mode)
        if class_mode == "raw":
            targets = np.asarray(_column(dataframe, y_col))[rows]
        weights = None if weight_col is None else check_numeric(_column(dataframe, weight_col), weight_col)[rows]
        loading = {"color_mode": color_mode, "target_size": check_pair(target_size, "target_size"),
                   "interpolation": interpolation}  # fmt: skip
        flow = FileFlow(self, root, [paths[i] for i in rows], targets, weights, class_mode, loading,
                        (save_to_dir, save_prefix, save_format), batch_size, shuffle, next_rng(seed))  # fmt: skip
        return flow if numbers is None else flow.with_classes(names, numbers)

    def _part(self, items: Any, subset: str | None) -> Any:
        """Return what belongs to the subset: the first are to validate on."""
        cut = int(self.validation_split * len(items))
        return items if subset is None else items[:cut] if subset == "validation" else items[cut:]

    def _moved(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, size = len(x), x.shape[1:3]
        down = self._shift(self.height_shift_range, n, size[0], rng)
        right = self._shift(self.width_shift_range, n, size[1], rng)
        turn, slant = (np.deg2rad(rng.uniform(-r, r, n)) for r in (self.rotation_range, self.shear_range))
        low, high = self.zoom_range
        zoom = 1 / rng.uniform(low, high, (2, n))
        mirrored, upside_down = rng.random((2, n)) < 0.5
        zoom[0] *= np.where(upside_down & bool(self.vertical_flip), -1, 1)
        mirrored &= bool(self.horizontal_flip)
        maps = affine_maps(size, (down, right), turn, (zoom[0], zoom[1]), slant, mirrored)
        still = np.broadcast_to(np.eye(2, 3), maps.shape)
        x = x if np.array_equal(maps, still) else warped(x, maps, self.fill_mode, self.cval)
        if self.channel_shift_range:
            most: Any = self.channel_shift_range
            change = rng.uniform(-most, most, (n, 1, 1, 1))
            low, high = x.min(axis=(1, 2, 3), keepdims=True), x.max(axis=(1, 2, 3), keepdims=True)
            x = np.clip(x + change, low, high).astype(np.float32)
        if self.brightness_range is not None:
            darkest, brightest = self.brightness_range
            factors = rng.uniform(darkest, brightest, (n, 1, 1, 1)).astype(np.float32)
            x = np.floor(np.clip(np.floor(x) * factors, 0, 255))  # whole levels of 0 to 255, as of pictures
        return x

    @staticmethod
    def _shift(amount: Any, n: int, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw shifts in pixels: a fraction of the size, a number of pixels, or one of a list."""
        if isinstance(amount, (list, tuple, np.ndarray)):
            drawn = rng.choice(np.asarray(amount), n) * rng.choice([-1, 1], n)
        elif isinstance(amount, (int, np.integer)) and amount >= 1:
            drawn = rng.integers(0, amount, n) * rng.choice([-1, 1], n)
        else:
            drawn = rng.uniform(-amount, amount, n)
        return drawn * size if np.max(np.abs(amount)) < 1 else drawn

    def _standardized(self, x: np.ndarray) -> np.ndarray:
        if self.preprocessing_function is not None:
            x = np.stack([self.preprocessing_function(image) for image in x])
        x = x * (self.rescale or 1)
        if self.samplewise_center:
            x = x - x.mean(axis=(1, 2, 3), keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (x.std(axis=(1, 2, 3), keepdims=True) + EPSILON)
        for wanted, found in ((self.featurewise_center, self.mean), (self.featurewise_std_normalization, self.std)):
            if wanted and found is None:
                note("ImageDataGenerator: featurewise options need datagen.fit(x) first; until then they do nothing")
        x = x - self.mean if self.featurewise_center and self.mean is not None else x
        x = x / (self.std + EPSILON) if self.featurewise_std_normalization and self.std is not None else x
        if self.zca_whitening and self.principal_components is not None:
            x = (x.reshape(len(x), -1) @ self.principal_components).reshape(x.shape)
        return x.astype(np.float32, copy=False)

    def __getattr__(self, name: str) -> Any:  # noqa: F811  # the words are attributes; the module's is another
        raise AttributeError(f"ImageDataGenerator has no attribute {name!r}{self.others.get(name, '')}")
