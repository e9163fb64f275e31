"""The files of the data set from which OneFormer's processor reads the classes: their names, and which are things."""

from __future__ import annotations

import json
from pathlib import Path

from .labels import labels_of

CLASS_INFO_REPOSITORY = "shi-labs/oneformer_demo"
"""A data set's id; the library has it as its default."""

_CITYSCAPES_THINGS = ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
_NUM_COCO_THINGS = 80
_ADE_STUFF = (
    "wall,building,sky,floor,tree,ceiling,road,grass,sidewalk,earth,mountain,plant,water,house,sea,rug,field,rock,base,"
    "sand,skyscraper,grandstand,path,runway,stairway,river,bridge,blind,hill,bar,hovel,tower,dirt track,land,escalator,"
    "buffet,poster,stage,conveyer belt,canopy,swimming pool,waterfall,tent,cradle,tank,lake,blanket,pier,crt screen,"
    "shower"
)


def write_class_info(folder: Path) -> None:
    """Write the three data sets' files, as the repository names them."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in ("ade20k", "cityscapes", "coco"):
        names = _names(data)
        classes = {str(n): {"isthing": int(_is_thing(data, n, name)), "name": name} for n, name in enumerate(names)}
        (folder / _file(data)).write_text(json.dumps(classes), encoding="utf-8")


def class_info_file(num_classes: int) -> str:
    """The file of the data set with so many classes. Raises LookupError where there is none."""
    for data in ("ade20k", "cityscapes", "coco"):
        if len(_names(data)) == num_classes:
            return _file(data)
    raise LookupError(f"no data set of {num_classes} classes")


def _file(data: str) -> str:
    return f"{data}_panoptic.json"


def _names(data: str) -> list[str]:
    return labels_of("Image Segmentation", f"oneformer_{data}") or []


def _is_thing(data: str, number: int, name: str) -> bool:
    if data == "coco":
        return number < _NUM_COCO_THINGS
    return name in _CITYSCAPES_THINGS if data == "cityscapes" else name not in _ADE_STUFF.split(",")
