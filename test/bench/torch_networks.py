#!/usr/bin/env python3
"""LinkNet, ConvMixer and Mask R-CNN in PyTorch, with the layers of src/arch: training, and inference of one image.

usage: torch_networks.py linknet|convmixer|maskrcnn [size=256] [batch=8] [threads=2] [--compile]
Prints one line per mode, as torch_peer.py does: images per second, the best of several. Mask R-CNN is put together
from torchvision's parts (python3-torchvision), with our widths and numbers of regions; its batch norms are trained,
as ours are.
"""
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def conv_norm(i, o, kernel, stride=1):
    return [nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o)]


def conv_norm_relu(i, o, kernel=3):
    return nn.Sequential(*conv_norm(i, o, kernel), nn.ReLU(True))


class BasicBlock(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.body = nn.Sequential(*conv_norm(i, o, 3, stride), nn.ReLU(True), *conv_norm(o, o, 3))
        self.shortcut = nn.Sequential(*(conv_norm(i, o, 1, stride) if i != o else []))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x), True)


class ResNet18(nn.Module):
    """The four stages, as a list."""

    def __init__(self, base):
        super().__init__()
        self.stem = nn.Sequential(*conv_norm(3, base, 7, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        for stage in range(4):
            i, o = base << max(stage - 1, 0), base << stage
            self.stages.append(nn.Sequential(BasicBlock(i, o, 2 if stage else 1), BasicBlock(o, o, 1)))

    def forward(self, x):
        x = self.stem(x)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


def enlarging(i, o):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 3, 2, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True))


class LinkNet(nn.Module):
    def __init__(self, base=64):
        super().__init__()
        self.encoder = ResNet18(base)
        self.decoder = nn.ModuleList()
        for stage in reversed(range(4)):
            i, o = base << stage, base << max(stage - 1, 0)
            self.decoder.append(nn.Sequential(conv_norm_relu(i, i // 4, 1), enlarging(i // 4, i // 4),
                                              conv_norm_relu(i // 4, o, 1)))
        self.final = nn.Sequential(enlarging(base, base // 2), conv_norm_relu(base // 2, base // 2),
                                   nn.Conv2d(base // 2, 1, 1))

    def forward(self, x):
        stages = self.encoder(x)
        x = stages.pop()
        for block in self.decoder:
            x = block(x)
            if stages[:3]:
                x = x + stages.pop()
        return self.final(x)


class Mixing(nn.Module):
    def __init__(self, dim, kernel):
        super().__init__()
        self.places = nn.Sequential(nn.Conv2d(dim, dim, kernel, padding=kernel // 2, groups=dim), nn.GELU(),
                                    nn.BatchNorm2d(dim))
        self.channels = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.GELU(), nn.BatchNorm2d(dim))

    def forward(self, x):
        return self.channels(self.places(x) + x)


class ConvMixer(nn.Module):
    def __init__(self, dim=256, depth=8, kernel=7, patch=4):
        super().__init__()
        self.patch = patch
        self.mix = nn.Sequential(nn.Conv2d(3, dim, patch, patch), nn.GELU(), nn.BatchNorm2d(dim),
                                 *[Mixing(dim, kernel) for _ in range(depth)],
                                 conv_norm_relu(dim, dim // 4), conv_norm_relu(dim // 4, dim // 8))
        self.stem = conv_norm_relu(3, dim // 8)
        self.head = nn.Sequential(conv_norm_relu(dim // 4, dim // 8), nn.Conv2d(dim // 8, 1, 1))

    def forward(self, x):
        mixed = F.interpolate(self.mix(x), scale_factor=self.patch, mode='bilinear', align_corners=False)
        return self.head(torch.cat([mixed, self.stem(x)], 1))


class Pyramid(nn.Module):
    """ResNet-18 and a feature pyramid, as torchvision's detectors want them."""

    def __init__(self, base, channels):
        from torchvision.ops import FeaturePyramidNetwork
        super().__init__()
        self.body = ResNet18(base)
        self.fpn = FeaturePyramidNetwork([base << stage for stage in range(4)], channels, norm_layer=nn.BatchNorm2d)
        self.out_channels = channels

    def forward(self, x):
        return self.fpn({str(level): stage for level, stage in enumerate(self.body(x))})


def mask_rcnn(size, base=48, channels=128, regions=32, units=512, detections=4):
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.ops import MultiScaleRoIAlign

    # The proposal network looks at 1/8 to 1/32 alone: at 1/4 no anchor is a lesion's.
    sides = [()] + [(6 * cell, int(6 * cell * 2 ** .5)) for cell in (8, 16, 32)]
    levels = ['0', '1', '2', '3']
    return MaskRCNN(
        Pyramid(base, channels), min_size=size, max_size=size,
        rpn_anchor_generator=AnchorGenerator(tuple(sides[1:]), ((.5, 1., 2.),) * 3),
        rpn_pre_nms_top_n_train=256, rpn_pre_nms_top_n_test=256, rpn_post_nms_top_n_train=regions,
        rpn_post_nms_top_n_test=regions, box_batch_size_per_image=regions, box_detections_per_img=detections,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, 2), box_head=TwoMLPHead(channels * 49, units),
        box_predictor=FastRCNNPredictor(units, 2), mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2),
        mask_head=MaskRCNNHeads(channels, (channels,) * 4, 1), mask_predictor=MaskRCNNPredictor(channels, channels, 2))


class Detector(nn.Module):
    """Mask R-CNN as the others are called: images in; out come its losses in training, else masks."""

    def __init__(self, size):
        super().__init__()
        self.net = mask_rcnn(size)
        whole = self.net.rpn.forward
        # Leave the finest level out of the proposal network.
        self.net.rpn.forward = lambda images, features, targets=None: whole(
            images, {k: v for k, v in features.items() if k != '0'}, targets)

    def forward(self, x):
        if not self.training:
            return self.net(list(x))
        mask = torch.zeros(1, *x.shape[2:], dtype=torch.uint8)
        low, high = x.shape[2] // 4, x.shape[2] * 3 // 4
        mask[:, low:high, low:high] = 1
        target = {'boxes': torch.tensor([[low, low, high, high]]).float(), 'labels': torch.ones(1, dtype=torch.int64),
                  'masks': mask}
        return sum(self.net(list(x), [target] * len(x)).values())


def make(name, size):
    return {'linknet': LinkNet, 'convmixer': ConvMixer}[name]() if name != 'maskrcnn' else Detector(size)


def best_seconds(run, turns):
    taken = []
    for _ in range(turns):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def compile_network(model):
    """What a user would compile: of Mask R-CNN the backbone, since its control flow is Python's."""
    if not isinstance(model, Detector):
        return torch.compile(model)
    model.plain = getattr(model, 'plain', model.net.backbone)
    model.net.backbone = torch.compile(model.plain)
    return model


def measure(name, size, batch, last, half, compiled):
    """Images per second of training and of inference."""
    layout = torch.channels_last if last else torch.contiguous_format
    model = make(name, size).to(memory_format=layout)
    x = torch.rand(batch, 3, size, size).to(memory_format=layout)
    y = (torch.rand(batch, 1, size, size) > .5).float()
    optimiser = torch.optim.AdamW(model.parameters())
    run = compile_network(model) if compiled else model

    def step():
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
            out = run(x)
        loss = out if name == 'maskrcnn' else F.binary_cross_entropy_with_logits(out.float(), y)
        loss.backward()
        optimiser.step()

    step()
    training = batch / best_seconds(step, 4)
    model.eval()
    if compiled:
        from torch._inductor import config
        config.freezing = True
        torch._dynamo.reset()
        run = compile_network(model)
    one = x[:1].contiguous(memory_format=layout)
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16, enabled=half):
        for _ in range(2):
            run(one)
        return training, 1 / best_seconds(lambda: run(one), 10)


def has_fast_bf16():
    """Whether bfloat16 is worth measuring: without AVX-512 PyTorch has plain loops for it, slower than f32 by far."""
    with open('/proc/cpuinfo') as information:
        return 'avx512' in information.read()


def main():
    numbers = [int(v) for v in sys.argv[2:] if v.isdigit()]
    size, batch, threads = numbers + [256, 8, 2][len(numbers):]
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    print(f'torch {torch.__version__} threads {threads} {sys.argv[1]} size {size} batch {batch}')
    modes = [('f32', False, False), ('f32 channels_last', True, False)]
    if has_fast_bf16():
        modes += [('bf16 channels_last', True, True)]
    for compiled in [False, True] if '--compile' in sys.argv else [False]:
        for mode, last, half in modes[1:] if compiled else modes:
            training, inference = measure(sys.argv[1], size, batch, last, half, compiled)
            print(f'{mode + (" compiled" if compiled else ""):28s} train {training:7.2f} images/s   '
                  f'infer batch 1 {inference:7.2f} images/s', flush=True)


main()
