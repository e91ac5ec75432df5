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
