"""The networks of the extension, as PyTorch users would write them: the same parameter names, the same arithmetic."""
import torch
from torch import nn


def block(i, o):
    """Two 3 x 3 convolutions of a U-Net level."""
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                         nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


class UNet(nn.Module):
    """(N, 3, H, W) to logits (N, 1, H, W). Ronneberger et al., arXiv:1505.04597, with batch norm and padding."""

    def __init__(self, base, depth):
        super().__init__()
        c = [base * 2 ** level for level in range(depth + 1)]
        self.down = nn.ModuleList([block(c[level - 1] if level else 3, c[level]) for level in range(depth + 1)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(c[level + 1], c[level], 2, 2)
                                 for level in reversed(range(depth))])
        self.dec = nn.ModuleList([block(2 * c[level], c[level]) for level in reversed(range(depth))])
        self.head = nn.Conv2d(base, 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        skips = []
        for level, down in enumerate(self.down):
            x = down(self.pool(x) if level else x)
            skips.append(x)
        skips.pop()
        for up, dec in zip(self.up, self.dec):
            x = dec(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


def conv_norm(i, o, kernel, stride=1):
    return nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o)


def enlarge(i, o):
    return nn.ConvTranspose2d(i, o, 3, 2, 1, 1, bias=False), nn.BatchNorm2d(o)


class BasicBlock(nn.Module):
    """He et al., arXiv:1512.03385; names as in torchvision."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(i, o, 3, stride)
        self.relu1 = nn.ReLU()
        self.conv2, self.bn2 = conv_norm(o, o, 3)
        self.downsample = nn.Sequential(*conv_norm(i, o, 1, stride)) if stride > 1 else nn.Identity()
        self.relu2 = nn.ReLU()

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(y)) + self.downsample(x))


class DecoderBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(i, i // 4, 1)
        self.conv2, self.bn2 = enlarge(i // 4, i // 4)
        self.conv3, self.bn3 = conv_norm(i // 4, o, 1)
        self.relu1, self.relu2, self.relu3 = nn.ReLU(), nn.ReLU(), nn.ReLU()

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        return self.relu3(self.bn3(self.conv3(x)))


class Final(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.conv1, self.bn1 = enlarge(base, base // 2)
        self.conv2, self.bn2 = conv_norm(base // 2, base // 2, 3)
        self.conv3 = nn.Conv2d(base // 2, 1, 1)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        return self.conv3(self.relu2(self.bn2(self.conv2(x))))


class LinkNet(nn.Module):
    """(N, 3, H, W) to logits (N, 1, H, W). Chaurasia and Culurciello, arXiv:1707.03718, on a ResNet-18."""

    def __init__(self, base):
        super().__init__()
        c = [base, 2 * base, 4 * base, 8 * base]
        self.conv1, self.bn1 = conv_norm(3, base, 7, 2)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for s in range(4):
            setattr(self, f'layer{s + 1}', nn.Sequential(
                BasicBlock(c[s - 1] if s else base, c[s], 2 if s else 1), BasicBlock(c[s], c[s], 1)))
            setattr(self, f'decoder{s + 1}', DecoderBlock(c[s], c[s - 1] if s else base))
        self.final = Final(base)

    def forward(self, x):
        e1 = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x)))))
        e2 = self.layer2(e1)
        e3 = self.layer3(e2)
        x = self.decoder4(self.layer4(e3)) + e3
        x = self.decoder3(x) + e2
        x = self.decoder2(x) + e1
        return self.final(self.decoder1(x))


class ConvNormReLU(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.bn = conv_norm(i, o, 3)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class Patch(nn.Module):
    def __init__(self, dim, patch):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, dim, patch, patch), nn.BatchNorm2d(dim)

    def forward(self, x):
        return self.bn(nn.functional.gelu(self.conv(x)))


class Mixer(nn.Module):
    def __init__(self, dim, kernel):
        super().__init__()
        self.depthwise, self.bn1 = nn.Conv2d(dim, dim, kernel, padding=kernel // 2, groups=dim), nn.BatchNorm2d(dim)
        self.pointwise, self.bn2 = nn.Conv2d(dim, dim, 1), nn.BatchNorm2d(dim)

    def forward(self, x):
        x = self.bn1(nn.functional.gelu(self.depthwise(x))) + x
        return self.bn2(nn.functional.gelu(self.pointwise(x)))


class ConvMixer(nn.Module):
    """(N, 3, H, W) to logits (N, 1, H, W). Trockman and Kolter, arXiv:2201.09792, with a decoder."""

    def __init__(self, dim, depth, kernel, patch):
        super().__init__()
        self.patch = Patch(dim, patch)
        self.blocks = nn.Sequential(*[Mixer(dim, kernel) for _ in range(depth)])
        self.stem = ConvNormReLU(3, dim // 8)
        self.decoder = nn.ModuleList([ConvNormReLU(dim, dim // 4), ConvNormReLU(dim // 4, dim // 8),
                                      ConvNormReLU(2 * (dim // 8), dim // 8)])
        self.upsample = nn.Upsample(scale_factor=patch, mode='bilinear', align_corners=False)
        self.head = nn.Conv2d(dim // 8, 1, 1)

    def forward(self, x):
        y = self.upsample(self.decoder[1](self.decoder[0](self.blocks(self.patch(x)))))
        return self.head(self.decoder[2](torch.cat([y, self.stem(x)], 1)))


class Encoder(nn.Module):
    """ResNet-18 without its classifier; returns its four stages."""

    def __init__(self, base):
        super().__init__()
        c = [base, 2 * base, 4 * base, 8 * base]
        self.conv1, self.bn1 = conv_norm(3, base, 7, 2)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for s in range(4):
            setattr(self, f'layer{s + 1}', nn.Sequential(
                BasicBlock(c[s - 1] if s else base, c[s], 2 if s else 1), BasicBlock(c[s], c[s], 1)))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        stages = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            stages.append(x)
        return stages


class FeaturePyramid(nn.Module):
    """Lin et al., arXiv:1612.03144, with batch norm, enlarging bilinearly."""

    def __init__(self, base, channels):
        super().__init__()
        self.inner_blocks = nn.ModuleList([nn.Sequential(*conv_norm(base * 2 ** i, channels, 1)) for i in range(4)])
        self.layer_blocks = nn.ModuleList([nn.Sequential(*conv_norm(channels, channels, 3)) for _ in range(4)])
        self.enlarge = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=False)

    def forward(self, stages):
        above, levels = None, []
        for i in reversed(range(4)):
            inner = self.inner_blocks[i](stages[i])
            above = inner if above is None else inner + self.enlarge(above)
            levels.insert(0, self.layer_blocks[i](above))
        return levels


def conv_relu(i, o, kernel):
    return nn.Sequential(nn.Conv2d(i, o, kernel, padding=kernel // 2), nn.ReLU())


class ProposalHead(nn.Module):
    def __init__(self, channels, anchors):
        super().__init__()
        self.conv = nn.Sequential(conv_relu(channels, channels, 3))
        self.cls_logits = nn.Conv2d(channels, anchors, 1)
        self.bbox_pred = nn.Conv2d(channels, 4 * anchors, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.cls_logits(x), self.bbox_pred(x)


class BoxHead(nn.Module):
    def __init__(self, channels, units):
        super().__init__()
        self.fc6, self.fc7 = nn.Conv2d(49 * channels, units, 1), nn.Conv2d(units, units, 1)
        self.relu6, self.relu7 = nn.ReLU(), nn.ReLU()

    def forward(self, regions):
        """(K, C, 7, 7) to (K, units, 1, 1); features in the order row, column, channel."""
        x = regions.permute(0, 2, 3, 1).reshape(len(regions), -1, 1, 1)
        return self.relu7(self.fc7(self.relu6(self.fc6(x))))


class BoxPredictor(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Conv2d(units, 1, 1), nn.Conv2d(units, 4, 1)

    def forward(self, x):
        return self.cls_score(x).flatten(), self.bbox_pred(x).flatten(1)


class MaskPredictor(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv5_mask = nn.ConvTranspose2d(channels, channels, 2, 2)
        self.relu = nn.ReLU()
        self.mask_fcn_logits = nn.Conv2d(channels, 1, 1)

    def forward(self, x):
        return self.mask_fcn_logits(self.relu(self.conv5_mask(x)))


class MaskRCNN(nn.Module):
    """The layers of He et al., arXiv:1703.06870, named as in torchvision.

    What happens between them stands in generate_maskrcnn.py.
    """

    def __init__(self, base, pyramid, box_units, mask_depth):
        super().__init__()
        self.backbone = nn.ModuleDict({'body': Encoder(base), 'fpn': FeaturePyramid(base, pyramid)})
        self.rpn = nn.ModuleDict({'head': ProposalHead(pyramid, 6)})
        self.roi_heads = nn.ModuleDict({
            'box_head': BoxHead(pyramid, box_units),
            'box_predictor': BoxPredictor(box_units),
            'mask_head': nn.Sequential(*[conv_relu(pyramid, pyramid, 3) for _ in range(mask_depth)]),
            'mask_predictor': MaskPredictor(pyramid)})

    def features(self, x):
        return self.backbone['fpn'](self.backbone['body'](x))

    def boxes(self, regions):
        return self.roi_heads['box_predictor'](self.roi_heads['box_head'](regions))

    def masks(self, regions):
        return self.roi_heads['mask_predictor'](self.roi_heads['mask_head'](regions))[:, 0]
