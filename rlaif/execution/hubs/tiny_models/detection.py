"""Tiny models that find objects, and the tools around NVIDIA's image models."""

from __future__ import annotations

import types
import urllib.request
from typing import Any

import torch
from torch import Tensor, nn

from .images import Backbone, Pixelwise


class TrafficModel(nn.Module):
    """HybridNets: (N, 3, H, W) -> features, box regression, box classes, anchors, segmentation"""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Pixelwise(3, 8)
        self.head = Pixelwise(8, 3)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor, Tensor, Tensor, Tensor]:
        features = self.backbone(nn.functional.avg_pool2d(x, 8))
        count = features.shape[-1] * features.shape[-2]
        boxes, classes = x.new_zeros(len(x), count, 4), x.new_zeros(len(x), count, 1)
        return [features], boxes, classes, x.new_zeros(1, count, 4), self.head(self.backbone(x))


def traffic_model(pretrained: bool = False, **options: Any) -> nn.Module:
    return TrafficModel().eval()


class DrivingModel(nn.Module):
    """YOLOP: (N, 3, H, W) -> detections, drivable area (N, 2, H, W), lane lines (N, 2, H, W)"""

    def __init__(self) -> None:
        super().__init__()
        self.area = Pixelwise(3, 2)
        self.lane = Pixelwise(3, 2)

    def forward(self, x: Tensor) -> tuple[tuple[Tensor, list[Tensor]], Tensor, Tensor]:
        return (x.new_zeros(len(x), 100, 6), []), self.area(x), self.lane(x)


def driving_model(pretrained: bool = False, **options: Any) -> nn.Module:
    return DrivingModel().eval()


class Detections:
    """YOLOv5's results: per image a (boxes, 6) tensor of x1, y1, x2, y2, confidence, class."""

    def __init__(self, boxes: list[Tensor]) -> None:
        self.xyxy = self.xywh = self.xyxyn = self.xywhn = self.pred = boxes
        self.names = {0: "person"}
        self.ims: list[Any] = [None] * len(boxes)

    def __len__(self) -> int:
        return len(self.xyxy)

    def print(self) -> None:
        print(f"{len(self)} image(s)")

    def show(self, labels: bool = True) -> None:
        self.print()

    def save(self, labels: bool = True, save_dir: str = "runs/detect/exp", exist_ok: bool = False) -> None:
        self.print()

    def crop(self, save: bool = True, **options: Any) -> list[dict[str, Any]]:
        return []

    def render(self, labels: bool = True) -> list[Any]:
        return self.ims

    def tolist(self) -> list[Detections]:
        return [Detections([boxes]) for boxes in self.xyxy]

    def pandas(self) -> Any:
        import pandas  # as YOLOv5 does: only who asks for tables needs it

        columns = ["xmin", "ymin", "xmax", "ymax", "confidence", "class", "name"]
        rows = ([[*box, "person"] for box in boxes.tolist()] for boxes in self.pred)
        tables = [pandas.DataFrame(row, columns=columns) for row in rows]
        return types.SimpleNamespace(xyxy=tables, xywh=tables, xyxyn=tables, xywhn=tables)


class ObjectDetector(nn.Module):
    """YOLOv5: file names, URLs, arrays, or a tensor -> `Detections` (of a tensor: raw predictions)"""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 85)
        self.names = {0: "person"}
        self.conf, self.iou, self.max_det, self.classes = 0.25, 0.45, 1000, None

    def forward(self, images: Any, size: int = 640, augment: bool = False, profile: bool = False) -> Any:
        if isinstance(images, Tensor):
            return self.head(images.mean((-2, -1))).unsqueeze(1)
        images = images if isinstance(images, list | tuple) else [images]
        for image in images:
            if isinstance(image, str):
                with urllib.request.urlopen(image) if "://" in image else open(image, "rb") as file:  # noqa: PTH123
                    file.read(1)
        return Detections([torch.zeros(0, 6) for _ in images])


def object_detector(pretrained: bool = True, autoshape: bool = True, **options: Any) -> nn.Module:
    return ObjectDetector().eval()


class BoxDetector(nn.Module):
    """NVIDIA SSD: (N, 3, 300, 300) -> boxes (N, 4, 8732), class scores (N, 81, 8732)"""

    def __init__(self) -> None:
        super().__init__()
        self.head = Backbone(85)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.head(x).unsqueeze(-1).expand(-1, -1, 8732)
        return scores[:, :4], scores[:, 4:]


def box_detector(pretrained: bool = True, **options: Any) -> nn.Module:
    return BoxDetector().eval()


def _fetch_image(address: str, size: int) -> Tensor:
    """As NVIDIA's tools: from the network or a file, into (3, size, size)."""
    with urllib.request.urlopen(address) if "://" in address else open(address, "rb") as file:  # noqa: PTH123
        file.read(1)
    return torch.zeros(3, size, size)


def detection_tools(*arguments: Any, **options: Any) -> Any:
    return types.SimpleNamespace(
        prepare_input=lambda address: _fetch_image(address, 300).permute(1, 2, 0).numpy(),
        prepare_tensor=lambda inputs, fp16=False: torch.stack([torch.as_tensor(i) for i in inputs]).permute(0, 3, 1, 2),
        decode_results=lambda predictions: [[torch.zeros(0, 4), torch.zeros(0), torch.zeros(0)]] * len(predictions[0]),
        pick_best=lambda detections, threshold=0.3: detections,
        get_coco_object_dictionary=lambda: ["person"],
    )


def classification_tools(*arguments: Any, **options: Any) -> Any:
    def pick_n_best(predictions: Tensor, n: int = 5) -> list[list[tuple[str, str]]]:
        best = predictions.float().topk(n, dim=1)
        return [
            [(f"class {index}", f"{100 * share:.1f}%") for index, share in zip(indices, shares, strict=True)]
            for indices, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    return types.SimpleNamespace(
        prepare_input_from_uri=lambda address, cuda=False: _fetch_image(address, 224).unsqueeze(0),
        pick_n_best=pick_n_best,
    )
