"""Tiny diffusion pipelines: the real components and image sizes, a few channels wide."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import transformers

from .recipes import Recipe
from .shrinking import shrink
from .vocabularies import Vocabularies

# A convolution over a large picture costs the most, in half precision above all: next to no channels there.
_CHANNELS = (2, 4, 8, 8)
_GROUPS = 2
_CROSS_WIDTH = 32

# Which pipeline a repository is: the first pattern found in its id (in lower case).
_PIPELINES: tuple[tuple[str, str], ...] = (
    (r"controlnet|control_v1|sheepscontrol", "controlnet"),
    (r"sd-vae", "autoencoder"),
    (r"x2-latent-upscaler", "latent_upscale"),
    (r"upscaler", "upscale"),
    (r"depth", "depth"),
    (r"inpaint", "inpaint"),
    (r"image-variations", "variations"),
    (r"text-to-video|text2-video|tempofunk|brucelee|duncan93", "video"),
    (r"tune-a-video", "video"),
    (r"ncsnpp", "score"),
    (r"ldm-celebahq", "latent_unconditional"),
    (r"ddpm|sd-class|minecraft-skin|butterfly_200|universe_1400|shoe-generator|wikiart", "unconditional"),
    (r"stable-diffusion-(?:2|2-1)$", "text_to_image_768"),
    (r"", "text_to_image"),
)
_BY_CLASS = {"DDPMPipeline": "unconditional", "DDIMPipeline": "unconditional"}
_IMAGE_SIDES = (
    ("1024", 256),
    ("256", 256),
    ("bedrooms", 256),
    ("cifar10|-32$", 32),
    ("minecraft", 64),
    ("200|1400", 128),
)


def pipeline_of(name: str, api_class: str) -> str:
    """The kind of pipeline, with the image's side where that varies."""
    lowered = name.lower()
    kind = next(kind for pattern, kind in _PIPELINES if re.search(pattern, lowered))
    if kind == "text_to_image":  # the name says nothing
        kind = _BY_CLASS.get(api_class, kind)
    return f"{kind}:{_side(lowered)}" if kind in ("unconditional", "score") else kind


def build_pipeline(recipe: Recipe, vocabularies: Vocabularies, folder: Path) -> None:
    """Write a pipeline's folder, each weight also under the name of its half-precision variant."""
    kind, _, side = recipe.content.partition(":")
    parts = _Parts(vocabularies)
    if kind in ("unconditional", "score"):
        _UNCONDITIONAL[kind](int(side)).save_pretrained(folder)
    else:
        _BUILDERS[kind](parts).save_pretrained(folder, safe_serialization=True)
    for path in sorted(folder.rglob("*.safetensors")):
        shutil.copyfile(path, path.with_name(f"{path.stem}.fp16.safetensors"))


class _Parts:
    """The components that pipelines share, each made anew."""

    def __init__(self, vocabularies: Vocabularies) -> None:
        vocabulary, merges = vocabularies.clip_bpe()
        self.tokenizer = transformers.CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)

    def text_encoder(self) -> Any:
        config = transformers.CLIPTextConfig(
            vocab_size=len(self.tokenizer),
            bos_token_id=self.tokenizer.bos_token_id,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        return transformers.CLIPTextModel(shrink(config))

    def denoiser(self, in_channels: int = 4, side: int = 64, **options: Any) -> Any:
        """Cross attention only where the picture is small; it would cost the most elsewhere."""
        return diffusers.UNet2DConditionModel(
            sample_size=side,
            in_channels=in_channels,
            out_channels=4,
            layers_per_block=1,
            block_out_channels=_CHANNELS,
            norm_num_groups=_GROUPS,
            down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            cross_attention_dim=_CROSS_WIDTH,
            attention_head_dim=4,
            **options,
        )

    def autoencoder(self) -> Any:
        return diffusers.AutoencoderKL(
            block_out_channels=(1, 2, 4, 8),
            norm_num_groups=1,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            sample_size=512,
        )

    def image_encoder(self) -> Any:
        return transformers.CLIPVisionModelWithProjection(shrink(transformers.CLIPVisionConfig()))

    def safety_checker(self) -> dict[str, Any]:
        from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

        config = shrink(transformers.CLIPConfig())
        return {
            "safety_checker": StableDiffusionSafetyChecker(config),
            "feature_extractor": transformers.CLIPImageProcessor(),
        }

    def text_to_image(self) -> dict[str, Any]:
        return {
            "vae": self.autoencoder(),
            "text_encoder": self.text_encoder(),
            "tokenizer": self.tokenizer,
            "scheduler": diffusers.PNDMScheduler(
                beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
            ),
        }


def _text_to_image(parts: _Parts, side: int = 64) -> Any:
    pipeline = diffusers.StableDiffusionPipeline
    return pipeline(**parts.text_to_image(), unet=parts.denoiser(side=side), **parts.safety_checker())


def _inpaint(parts: _Parts) -> Any:
    pipeline = diffusers.StableDiffusionInpaintPipeline
    return pipeline(**parts.text_to_image(), unet=parts.denoiser(9), **parts.safety_checker())


def _depth(parts: _Parts) -> Any:
    config = shrink(transformers.DPTConfig(image_size=384, is_hybrid=False))
    return diffusers.StableDiffusionDepth2ImgPipeline(
        **parts.text_to_image(),
        unet=parts.denoiser(5),
        depth_estimator=transformers.DPTForDepthEstimation(config),
        feature_extractor=transformers.DPTImageProcessor(),
    )


def _upscale(parts: _Parts) -> Any:
    components = parts.text_to_image() | {"scheduler": diffusers.DDIMScheduler()}
    return diffusers.StableDiffusionUpscalePipeline(
        **components,
        unet=parts.denoiser(7, num_class_embeds=1000),
        low_res_scheduler=diffusers.DDPMScheduler(),
        max_noise_level=350,
    )


def _latent_upscale(parts: _Parts) -> Any:
    components = parts.text_to_image() | {"scheduler": diffusers.EulerDiscreteScheduler()}
    denoiser = parts.denoiser(8, time_cond_proj_dim=896)
    return diffusers.StableDiffusionLatentUpscalePipeline(**components, unet=denoiser)


def _variations(parts: _Parts) -> Any:
    encoder = parts.image_encoder()
    components = {key: value for key, value in parts.text_to_image().items() if key in ("vae", "scheduler")}
    return diffusers.StableDiffusionImageVariationPipeline(
        **components, image_encoder=encoder, unet=parts.denoiser(), **parts.safety_checker()
    )


def _video(parts: _Parts) -> Any:
    components = parts.text_to_image() | {"scheduler": diffusers.DDIMScheduler()}
    denoiser = diffusers.UNet3DConditionModel(
        sample_size=32,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=_GROUPS,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=_CROSS_WIDTH,
        attention_head_dim=4,
    )
    return diffusers.TextToVideoSDPipeline(**components, unet=denoiser)


def _controlnet(parts: _Parts) -> Any:
    return diffusers.ControlNetModel(
        in_channels=4,
        layers_per_block=1,
        block_out_channels=_CHANNELS,
        norm_num_groups=_GROUPS,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        cross_attention_dim=_CROSS_WIDTH,
        conditioning_embedding_out_channels=(4, 4, 8, 8),
        attention_head_dim=4,
    )


def _image_denoiser(side: int, channels: int = 3) -> Any:
    """Convolutions alone, most of them on half the side: such a pipeline takes a thousand steps or two."""
    return diffusers.UNet2DModel(
        sample_size=side,
        in_channels=channels,
        out_channels=channels,
        layers_per_block=-1,  # on the way up a block has one layer more: none
        block_out_channels=(1, 1),
        norm_num_groups=1,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        add_attention=False,
        act_fn="relu",
    )


def _score_pipeline() -> Any:
    """A class that newer versions of the library keep among the deprecated ones."""
    from diffusers.pipelines.deprecated import ScoreSdeVePipeline

    return ScoreSdeVePipeline


def _latent_unconditional(parts: _Parts) -> Any:
    autoencoder = diffusers.VQModel(
        block_out_channels=(4, 8, 8),
        norm_num_groups=_GROUPS,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=3,
    )
    return diffusers.LDMPipeline(vqvae=autoencoder, unet=_image_denoiser(64), scheduler=diffusers.DDIMScheduler())


def _side(lowered: str) -> int:
    return next((side for pattern, side in _IMAGE_SIDES if re.search(pattern, lowered)), 32)


_BUILDERS: dict[str, Callable[[_Parts], Any]] = {
    "autoencoder": _Parts.autoencoder,
    "controlnet": _controlnet,
    "depth": _depth,
    "inpaint": _inpaint,
    "latent_unconditional": _latent_unconditional,
    "latent_upscale": _latent_upscale,
    "text_to_image": _text_to_image,
    "text_to_image_768": lambda parts: _text_to_image(parts, side=96),
    "upscale": _upscale,
    "variations": _variations,
    "video": _video,
}
_UNCONDITIONAL: dict[str, Callable[[int], Any]] = {
    "unconditional": lambda side: diffusers.DDPMPipeline(_image_denoiser(side), diffusers.DDPMScheduler()),
    "score": lambda side: _score_pipeline()(_image_denoiser(side), diffusers.ScoreSdeVeScheduler()),
}
