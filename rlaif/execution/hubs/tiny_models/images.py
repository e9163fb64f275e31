"""Tiny models that classify, segment, measure and generate images and videos."""

from __future__ import annotations

import types
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """(N, 3, H, W) -> (N, out_features)"""

    def __init__(self, out_features: int, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 8, 3, stride=4, padding=1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.avgpool(torch.relu(self.conv1(x))), 1))


def image_classifier(pretrained: bool = False, progress: bool = True, **options: Any) -> nn.Module:
    """(N, 3, H, W) -> (N, 1000) logits"""
    return Backbone(options.get("num_classes", 1000)).eval()


def named_image_classifier(model_name: str, pretrained: bool = False, **options: Any) -> nn.Module:
    """MEAL V2: one entry point, the model's name as its argument."""
    return image_classifier(pretrained)


class Pixelwise(nn.Module):
    """(N, C, H, W) -> (N, out_channels, H, W)"""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Segmenter(nn.Module):
    """(N, 3, H, W) -> {"out": (N, 21, H, W), "aux": the same}"""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Pixelwise(3, 8)
        self.classifier = Pixelwise(8, 21)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        out = self.classifier(self.backbone(x))
        return OrderedDict(out=out, aux=out)


def segmentation_model(pretrained: bool = False, progress: bool = True, **options: Any) -> nn.Module:
    return Segmenter().eval()


def mask_model(
    pretrained: bool = False, in_channels: int = 3, out_channels: int = 1, init_features: int = 32, **options: Any
) -> nn.Module:
    """U-Net: (N, in_channels, H, W) -> (N, out_channels, H, W) in [0, 1]"""
    return nn.Sequential(Pixelwise(in_channels, out_channels), nn.Sigmoid())


class DepthModel(nn.Module):
    """(N, 3, H, W) -> (N, H, W)"""

    def __init__(self) -> None:
        super().__init__()
        self.head = Pixelwise(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x).squeeze(1)


def depth_model(pretrained: bool = False, **options: Any) -> nn.Module:
    return DepthModel().eval()


def depth_transforms() -> Any:
    """MiDaS: transforms of an (H, W, 3) array of 0..255 into a (1, 3, 256, 256) batch."""

    def transform(image: Any) -> Tensor:
        pixels = torch.as_tensor(image, dtype=torch.float32).permute(2, 0, 1).unsqueeze(0) / 255
        return nn.functional.interpolate(pixels, size=(256, 256), mode="bilinear", align_corners=False)

    return types.SimpleNamespace(
        default_transform=transform, dpt_transform=transform, small_transform=transform, beit512_transform=transform
    )


class VideoClassifier(nn.Module):
    """(N, 3, T, H, W) -> (N, 400); of two pathways a list of two such tensors"""

    def __init__(self, num_pathways: int) -> None:
        super().__init__()
        self.num_pathways = num_pathways
        self.proj = nn.Linear(3, 400)

    def forward(self, x: Any) -> Tensor:
        pathways = [x] if self.num_pathways == 1 else list(x)
        if len(pathways) != self.num_pathways or any(pathway.dim() != 5 for pathway in pathways):
            raise ValueError(f"expected {self.num_pathways} pathway(s) of shape (N, 3, T, H, W)")
        return self.proj(pathways[0].mean((-3, -2, -1)))


def video_classifier(pretrained: bool = False, progress: bool = True, **options: Any) -> nn.Module:
    return VideoClassifier(1).eval()


def two_pathway_video_classifier(pretrained: bool = False, progress: bool = True, **options: Any) -> nn.Module:
    return VideoClassifier(2).eval()


class PartClassifier(nn.Module):
    """NTS-Net: (N, 3, 448, 448) -> seven outputs, the fourth the (N, 200) logits"""

    def __init__(self, num_parts: int, num_classes: int) -> None:
        super().__init__()
        self.num_parts = num_parts
        self.head = Backbone(num_classes)
        self.bird_classes = {index: f"bird {index}" for index in range(num_classes)}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        logits = self.head(x)
        parts = logits.unsqueeze(1).expand(-1, self.num_parts, -1)
        order = torch.arange(self.num_parts).expand(len(x), -1)
        return x.new_zeros(len(x), self.num_parts, 4), logits, logits, logits, parts, order, order.float()


def part_classifier(pretrained: bool = False, topN: int = 6, num_classes: int = 200, **options: Any) -> nn.Module:
    return PartClassifier(topN, num_classes).eval()


class ImageGenerator(nn.Module):
    """GAN zoo: buildNoiseData(n) -> ((n, 512), labels); test(noise) -> (n, 3, 64, 64) in [-1, 1]"""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(512, 3 * 64 * 64)

    def buildNoiseData(self, num_images: int) -> tuple[Tensor, Tensor]:
        return torch.randn(num_images, 512), torch.zeros(num_images)

    def test(self, noise: Tensor, getAvG: bool = True, toCPU: bool = True) -> Tensor:
        return self.forward(noise)

    def forward(self, noise: Tensor) -> Tensor:
        return torch.tanh(self.head(noise)).reshape(-1, 3, 64, 64).detach()


def image_generator(
    pretrained: bool = False, model_name: str = "celebAHQ-256", useGPU: bool = True, **options: Any
) -> ImageGenerator:
    return ImageGenerator()
