#!/usr/bin/env python3
"""Write the small image files of test/data and the fuzzers' seeds.

Run by hand when a file is added (python3-pil and libjpeg-turbo-progs make the JPEGs; PNG and BMP are
assembled here, byte by byte, so that every variant and every defect is known
exactly). The files are committed; no test needs this script.

The pattern that the unit tests expect, at pixel (x, y) of 7 x 5:
    colour  (40 x, 60 y, 8 x y)          grey  30 x + 15 y
    alpha   42 x                         16-bit grey  10000 x + 500 y
    1 bit (x + y) % 2,  2 bits (x + y) % 4,  4 bits (x + 2 y) % 16
    palette index (x + y) % 4 of PALETTE, alpha of its entries ALPHAS
The JPEGs are 48 x 32, six flat blocks of 16 x 16: BLOCKS, row by row.
"""
import io
import os
import struct
import subprocess
import tempfile
import zlib

from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, '..', 'fuzz', 'corpus')
W, H = 7, 5
PALETTE = [(0, 0, 0), (255, 0, 0), (10, 200, 30), (255, 255, 255)]
ALPHAS = [255, 128, 0]
BLOCKS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (220, 220, 60), (30, 30, 30), (230, 230, 230)]
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def colour(x, y):
    return [40 * x, 60 * y, 8 * x * y]


def grey(x, y):
    return [30 * x + 15 * y]


def write(name, data):
    with open(os.path.join(HERE, name), 'wb') as f:
        f.write(data)
    kind = {'jpg': 'jpeg'}.get(name.split('.')[-1], name.split('.')[-1])
    for folder in (['mask'] if name.startswith('mask') else [kind]):
        os.makedirs(os.path.join(CORPUS, folder), exist_ok=True)
        with open(os.path.join(CORPUS, folder, name), 'wb') as f:
            f.write(data)


# PNG

def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def pack(samples, bits):
    """Pack one row of samples, most significant first, into bytes."""
    if bits == 16:
        return struct.pack('>%dH' % len(samples), *samples)
    value = 0
    for s in samples:
        value = value << bits | s
    count = len(samples) * bits
    pad = -count % 8
    return (value << pad).to_bytes((count + pad) // 8, 'big')


def png(pixel, bits, kind, width=W, height=H, interlaced=False, extra=b'', head=None):
    raw = b''
    for x0, y0, dx, dy in (ADAM7 if interlaced else [(0, 0, 1, 1)]):
        for y in range(y0, height, dy):
            row = [s for x in range(x0, width, dx) for s in pixel(x, y)]
            if row:
                raw += b'\0' + pack(row, bits)
    head = head or struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, int(interlaced))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + extra +
            chunk(b'IDAT', zlib.compress(raw, 9)) + chunk(b'IEND', b''))


def make_png():
    plte = chunk(b'PLTE', bytes(v for c in PALETTE for v in c))
    trns = chunk(b'tRNS', bytes(ALPHAS))
    write('rgb8.png', png(colour, 8, 2))
    write('rgb8_interlaced.png', png(colour, 8, 2, interlaced=True))
    write('rgb16.png', png(lambda x, y: [257 * v + 100 for v in colour(x, y)], 16, 2))
    write('rgba8.png', png(lambda x, y: colour(x, y) + [42 * x], 8, 6))
    write('rgba16_interlaced.png',
          png(lambda x, y: [257 * v for v in colour(x, y) + [42 * x]], 16, 6, interlaced=True))
    write('rgb8_trns.png', png(colour, 8, 2, extra=chunk(b'tRNS', struct.pack('>3H', 40, 60, 8))))
    write('grey8.png', png(grey, 8, 0))
    write('grey8_trns.png', png(grey, 8, 0, extra=chunk(b'tRNS', struct.pack('>H', 45))))
    write('grey16.png', png(lambda x, y: [10000 * x + 500 * y], 16, 0))
    write('grey_alpha8.png', png(lambda x, y: grey(x, y) + [42 * x], 8, 4))
    write('grey1.png', png(lambda x, y: [(x + y) % 2], 1, 0))
    write('grey1_interlaced.png', png(lambda x, y: [(x + y) % 2], 1, 0, interlaced=True))
    write('grey2.png', png(lambda x, y: [(x + y) % 4], 2, 0))
    write('grey4.png', png(lambda x, y: [(x + 2 * y) % 16], 4, 0))
    write('palette8.png', png(lambda x, y: [(x + y) % 4], 8, 3, extra=plte))
    write('palette2_trns.png', png(lambda x, y: [(x + y) % 4], 2, 3, extra=plte + trns))
    junk = (chunk(b'tEXt', b'Comment\0' + b'x' * 50) + chunk(b'iCCP', b'bad\0\0not zlib') +
            chunk(b'zTXt', b'k\0\0' + zlib.compress(b'y' * 1000)) + chunk(b'iTXt', b'k\0\1\0\0\0??') +
            chunk(b'gAMA', struct.pack('>I', 20000)) + chunk(b'prVt', b'private'))
    write('ancillary.png', png(colour, 8, 2, extra=junk))

    # Orientation: before the pixels, behind them; with a wrong checksum, which does not count.
    body = png(colour, 8, 2)
    for o in range(1, 9):
        write('orientation%d.png' % o, png(colour, 8, 2, extra=chunk(b'eXIf', tiff(o, b'MM' if o % 2 else b'II'))))
    write('orientation6_behind.png', body[:-12] + chunk(b'eXIf', tiff(6, b'MM')) + body[-12:])
    wrong = chunk(b'eXIf', tiff(6, b'MM'))
    write('orientation_wrong_crc.png', png(colour, 8, 2, extra=wrong[:-1] + bytes([wrong[-1] ^ 1])))
    write('orientation_bad.png', png(colour, 8, 2, extra=chunk(b'eXIf', b'II')))

    # Defects.
    good = png(colour, 8, 2)
    huge = struct.pack('>IIBBBBB', 60000, 60000, 8, 2, 0, 0, 0)
    write('bad_huge.png', png(colour, 8, 2, width=2, height=1, head=huge)[:100])
    write('bad_zero.png', png(colour, 8, 2, head=struct.pack('>IIBBBBB', 0, 5, 8, 2, 0, 0, 0)))
    write('bad_truncated.png', good[:-30])
    write('bad_no_end.png', good[:-12])
    flipped = bytearray(good)
    flipped[-25] ^= 0x40
    write('bad_crc.png', bytes(flipped))
    write('bad_short_data.png', png(colour, 8, 2, height=3, head=struct.pack('>IIBBBBB', 7, 5, 8, 2, 0, 0, 0)))
    write('bad_no_palette.png', png(lambda x, y: [0], 8, 3))

    # Masks: 0/255, 0/1, grey levels, 16-bit 0/1, all lesion, empty, a palette of black and red.
    left = lambda x: x < 3
    write('mask_255.png', png(lambda x, y: [255 * left(x)], 8, 0))
    write('mask_1.png', png(lambda x, y: [1 * left(x)], 8, 0))
    write('mask_levels.png', png(lambda x, y: [[129, 128, 0, 255, 1, 130, 127][x]], 8, 0))
    write('mask16_1.png', png(lambda x, y: [1 * left(x)], 16, 0))
    write('mask_full.png', png(lambda x, y: [1], 1, 0))
    write('mask_empty.png', png(lambda x, y: [0], 8, 0))
    write('mask_rgb_blue.png', png(lambda x, y: [0, 0, 4 * left(x)], 8, 2))
    write('mask_palette.png',
          png(lambda x, y: [1 * left(x)], 1, 3, extra=chunk(b'PLTE', bytes([0, 0, 0, 255, 0, 0]))))


# Masks of other kinds: a list of seven is the values of every row.

def columns(*values):
    return lambda x, y: list(values[x]) if isinstance(values[x], tuple) else [values[x]]


def voc_palette():
    """The colours of PASCAL VOC's label images, from the bits of the label."""
    return [tuple(sum((i >> (3 * b + c) & 1) << (7 - b) for b in range(8 // 3 + 1)) for c in range(3))
            for i in range(256)]


def make_masks():
    plte = chunk(b'PLTE', bytes(v for c in voc_palette() for v in c))
    red = lambda *values: columns(*[(v, 0, 0) for v in values])
    ink = lambda *values: columns(*[(0, 0, 0, v) for v in values])
    write('mask_012.png', png(columns(1, 2, 2, 0, 0, 0, 0), 8, 0))
    write('mask16_012.png', png(columns(1, 2, 2, 0, 0, 0, 0), 16, 0))
    write('mask_red.png', png(red(255, 255, 140, 100, 7, 0, 0), 8, 2))
    write('mask_dark_red.png', png(red(128, 128, 128, 70, 50, 0, 0), 8, 2))
    write('mask_ink.png', png(ink(255, 255, 140, 100, 0, 0, 0), 8, 6))
    write('mask_ink_grey.png', png(columns((0, 255), (0, 255), (0, 255), *[(0, 0)] * 4), 8, 4))
    write('mask_ink_palette.png', png(columns(1, 1, 1, 0, 0, 0, 0), 1, 3,
                                      extra=chunk(b'PLTE', bytes(6)) + chunk(b'tRNS', bytes([0, 255]))))
    write('mask_transparent.png', png(ink(*[0] * 7), 8, 6))
    write('mask_hidden.png', png(columns(*[(v, v, v, 0) for v in (255, 255, 255, 0, 0, 0, 0)]), 8, 6))
    write('mask_faint.png', png(columns(76, 76, 76, 40, 20, 0, 0), 8, 0))
    write('mask_percent.png', png(columns(100, 80, 60, 51, 50, 30, 0), 8, 0))
    write('mask_low.png', png(columns(120, 90, 60, 30, 10, 0, 0), 8, 0))
    write('mask_bright.png', png(columns(255, 200, 180, 140, 130, 150, 170), 8, 0))
    write('mask_constant_1.png', png(columns(*[1] * 7), 8, 0))
    write('mask_constant_128.png', png(columns(*[128] * 7), 8, 0))
    write('mask_constant_129.png', png(columns(*[129] * 7), 8, 0))
    write('mask_border.png', png(columns(1, 1, 1, 255, 0, 0, 0), 8, 3, extra=plte))
    write('mask_border_grey.png', png(columns(1, 1, 1, 255, 0, 0, 0), 8, 0))
    write('mask_border_unclear.png', png(columns(1, 255, 255, 255, 0, 0, 0), 8, 0))
    write('mask_border_labels.png', png(columns(1, 1, 2, 255, 0, 0, 0), 8, 0))
    write('mask_dirt.png', png(lambda x, y: [255 if x < 5 else 1 if (x, y) == (6, 2) else 0], 8, 0))
    write('mask_two_colours.png', png(columns((255, 0, 0), (0, 200, 0), (255, 0, 0), *[(0, 0, 0)] * 4), 8, 2))
    write('mask_red_on_white.png', png(columns(*[(255, 0, 0)] * 3, *[(255, 255, 255)] * 4), 8, 2))
    write('mask_border.bmp', bmp(bmp_rows(lambda y: bytes([1, 1, 1, 255, 0, 0, 0])), 8,
                                 palette=b''.join(bytes([c[2], c[1], c[0], 0]) for c in voc_palette())))
    write('mask_ink.bmp', bmp(bmp_rows(lambda y: b''.join(
        struct.pack('<I', a << 24) for a in (255, 255, 140, 100, 0, 0, 0))),
                              32, 3, header=108, masks=(0xff0000, 0xff00, 0xff, 0xff000000)))
    # An ellipse of 64 x 48, saved with losses: 0 and 1, 0 and 255, and red.
    inside = [[(2 * x - 63) ** 2 * 24 ** 2 + (2 * y - 47) ** 2 * 32 ** 2 < (40 * 24) ** 2 for x in range(64)]
              for y in range(48)]
    ellipse = Image.new('L', (64, 48))
    ellipse.putdata([int(v) for row in inside for v in row])
    write('mask_lossy_1.jpg', jpeg(ellipse, quality=98))     # 0, 1 and four pixels of 2
    write('mask_lossy_255.jpg', jpeg(ellipse.point(lambda v: 255 * v), quality=50))
    none = Image.new('L', (64, 48))
    write('mask_lossy_red.jpg', jpeg(Image.merge('RGB', [ellipse.point(lambda v: 255 * v), none, none]), quality=50,
                                     subsampling=2))


# JPEG

def blocks():
    image = Image.new('RGB', (48, 32))
    for i, c in enumerate(BLOCKS):
        image.paste(c, (i % 3 * 16, i // 3 * 16, i % 3 * 16 + 16, i // 3 * 16 + 16))
    return image


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, 'JPEG', **{'quality': 95, 'subsampling': 0, **options})
    return out.getvalue()


def transcode(data, *options, scans=''):
    """What jpegtran (libjpeg-turbo-progs) makes of a JPEG."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        return subprocess.run(['jpegtran', *options, f.name], input=scans.encode(), capture_output=True,
                              check=True).stdout


def tiff(orientation, order, long=False):
    o = '>' if order == b'MM' else '<'
    entry = struct.pack(o + 'HHII', 0x0112, 4, 1, orientation) if long else \
        struct.pack(o + 'HHIHH', 0x0112, 3, 1, orientation, 0)
    return (order + struct.pack(o + 'HI', 42, 8) + struct.pack(o + 'H', 2) +
            struct.pack(o + 'HHIHH', 0x0103, 3, 1, 6, 0) + entry + struct.pack(o + 'I', 0))


def exif(*what):
    body = b'Exif\0\0' + tiff(*what)
    return b'\xff\xe1' + struct.pack('>H', len(body) + 2) + body


def strip_adobe(data):
    """Remove the APP14 marker."""
    at = data.index(b'\xff\xee')
    length = struct.unpack('>H', data[at + 2:at + 4])[0]
    return data[:at] + data[at + 2 + length:]


def make_jpeg():
    image = blocks()
    plain = jpeg(image)
    write('rgb.jpg', plain)
    write('rgb_420.jpg', jpeg(image, subsampling=2))
    write('progressive.jpg', jpeg(image, progressive=True))
    write('grey.jpg', jpeg(image.convert('L')))
    restart = transcode(plain, '-restart', '1B')
    write('restart.jpg', restart)
    write('arithmetic.jpg', transcode(plain, '-arithmetic'))
    inks = Image.merge('CMYK', [c.point(lambda v: 255 - v) for c in image.split()] +
                       [Image.new('L', image.size, 51)])
    adobe = jpeg(inks)                 # PIL writes CMYK inverted, with Adobe's marker
    write('cmyk_adobe.jpg', adobe)
    write('cmyk_plain.jpg', strip_adobe(adobe))     # inverted all the same
    # The marker's last byte is the transform: 2 = YCCK.
    at = adobe.index(b'\xff\xee')
    ycck = bytearray(adobe)
    ycck[at + 15] = 2
    write('ycck.jpg', bytes(ycck))
    for o in range(1, 9):
        write('orientation%d.jpg' % o, plain[:2] + exif(o, b'MM' if o % 2 else b'II') + plain[2:])
    write('orientation_bad.jpg', plain[:2] + exif(9, b'MM') + plain[2:])
    write('orientation6_long_le.jpg', plain[:2] + exif(6, b'II', True) + plain[2:])
    write('orientation6_long_be.jpg', plain[:2] + exif(6, b'MM', True) + plain[2:])
    write('orientation_long_bad.jpg', plain[:2] + exif(6 << 16, b'II', True) + plain[2:])
    write('trailing.jpg', plain + b'garbage behind the image')

    # Defects.
    write('bad_truncated.jpg', plain[:len(plain) * 3 // 4])
    # Only the end marker is missing, or half of it: whole.
    write('no_end.jpg', plain[:-2])
    write('half_end.jpg', plain[:-1])
    write('no_end_grey.jpg', jpeg(image.convert('L'))[:-2])
    write('no_end_restart.jpg', restart[:-2])
    write('no_end_progressive.jpg', jpeg(image, progressive=True)[:-2])
    # All but the last scan.
    whole = jpeg(image, progressive=True)
    write('bad_last_scan.jpg', whole[:whole.rindex(b'\xff\xda')])
    # All but the last restart interval.
    write('bad_last_restart.jpg', restart[:max(restart.rindex(b'\xff' + bytes([m])) for m in range(0xd0, 0xd8)
                                               if b'\xff' + bytes([m]) in restart)])
    # These could lack a scan, or pixels, without a sign of it.
    write('bad_no_end_scans.jpg', transcode(plain, '-scans', '/dev/stdin', scans='0;1;2;')[:-2])
    write('bad_no_end_arithmetic.jpg', transcode(plain, '-arithmetic')[:-2])
    write('bad_header_only.jpg', plain[:300])
    progressive = jpeg(image, progressive=True)
    write('bad_progressive_truncated.jpg', progressive[:len(progressive) // 2])
    sof = plain.index(b'\xff\xc0')
    huge = bytearray(plain)
    huge[sof + 5:sof + 9] = struct.pack('>HH', 60000, 60000)
    write('bad_huge.jpg', bytes(huge))
    zero = bytearray(plain)
    zero[sof + 5:sof + 9] = struct.pack('>HH', 0, 48)
    write('bad_zero.jpg', bytes(zero))
    lossless = bytearray(plain)
    lossless[sof + 1] = 0xc3
    write('bad_lossless.jpg', bytes(lossless))
    # The scan of this one says, as it should, which predictor it has, and no end of a band.
    scan = lossless.index(b'\xff\xda')
    lossless[scan + 4 + 7:scan + 4 + 10] = bytes([1, 0, 0])
    write('bad_lossless_scan.jpg', bytes(lossless))
    deep = bytearray(plain)
    deep[sof + 1] = 0xc1
    deep[sof + 4] = 12
    write('bad_12_bits.jpg', bytes(deep))
    # Repeat the first scan (which covers no more than DC) many times.
    start = progressive.index(b'\xff\xda')
    end = start + 2
    while not (progressive[end] == 0xff and progressive[end + 1] not in (0, *range(0xd0, 0xd8))):
        end += 1
    scan = progressive[start:end]
    write('bad_scans.jpg', progressive[:start] + scan * 150 + progressive[end:])


# BMP

def bmp(rows, bits, compression=0, width=W, height=H, header=40, masks=(), palette=b'', used=0, top_down=False,
        size=None):
    if header == 12:
        info = struct.pack('<IHHHH', 12, width, height, 1, bits)
    else:
        info = struct.pack('<IiiHHIIiiII', header, width, -height if top_down else height, 1, bits,
                           compression, len(rows), 2835, 2835, used, 0)
        fields = b''.join(struct.pack('<I', m) for m in masks)
        info += fields if header == 40 else (fields + bytes(header - 40))[:header - 40]
    start = 14 + len(info) + len(palette)
    return struct.pack('<2sIHHI', b'BM', start + len(rows), 0, 0, start) + info + palette + rows


def bmp_rows(pixel_bytes, top_down=False):
    rows = b''
    for y in range(H) if top_down else reversed(range(H)):
        row = pixel_bytes(y)
        rows += row + bytes(-len(row) % 4)
    return rows


def make_bmp():
    quads = b''.join(bytes([c[2], c[1], c[0], 0]) for c in PALETTE)
    triples = b''.join(bytes([c[2], c[1], c[0]]) for c in PALETTE)
    greys = b''.join(bytes([v, v, v, 0]) for v in range(256))
    index = lambda x, y: (x + y) % 4
    rgb = lambda y: b''.join(bytes(colour(x, y)[::-1]) for x in range(W))
    indices = lambda bits: lambda y: pack([index(x, y) for x in range(W)], bits)
    c16 = lambda x, y: [v >> 3 for v in colour(x, y)]

    write('rgb24.bmp', bmp(bmp_rows(rgb), 24))
    write('rgb24_top_down.bmp', bmp(bmp_rows(rgb, True), 24, top_down=True))
    write('rgb24_core.bmp', bmp(bmp_rows(rgb), 24, header=12))
    write('rgb24_v5.bmp', bmp(bmp_rows(rgb), 24, header=124))
    write('rgb24_os2.bmp', bmp(bmp_rows(rgb), 24, header=64))
    write('rgb32.bmp', bmp(bmp_rows(lambda y: b''.join(bytes(colour(x, y)[::-1] + [99]) for x in range(W))), 32))
    rgba = lambda y: b''.join(struct.pack('<I', colour(x, y)[0] | colour(x, y)[1] << 8 | colour(x, y)[2] << 16 |
                                          42 * x << 24) for x in range(W))
    abgr = (0xff, 0xff00, 0xff0000, 0xff000000)
    write('rgba32_v4.bmp', bmp(bmp_rows(rgba), 32, 3, header=108, masks=abgr))
    write('rgba32_v3.bmp', bmp(bmp_rows(rgba), 32, 3, header=56, masks=abgr))
    write('rgba32_alpha_fields.bmp', bmp(bmp_rows(rgba), 32, 6, masks=abgr))
    unused = lambda y: b''.join(bytes(colour(x, y)[::-1] + [0]) for x in range(W))
    write('rgba32_zero_alpha.bmp',
          bmp(bmp_rows(unused), 32, 3, header=108, masks=(0xff0000, 0xff00, 0xff, 0xff000000)))
    r555 = lambda y: b''.join(struct.pack('<H', c[0] << 10 | c[1] << 5 | c[2]) for c in (c16(x, y) for x in range(W)))
    r565 = lambda y: b''.join(struct.pack('<H', c[0] << 11 | c[1] << 6 | c[2]) for c in (c16(x, y) for x in range(W)))
    write('rgb16_555.bmp', bmp(bmp_rows(r555), 16))
    write('rgb16_565.bmp', bmp(bmp_rows(r565), 16, 3, masks=(0xf800, 0x07e0, 0x001f)))
    write('palette8.bmp', bmp(bmp_rows(indices(8)), 8, palette=quads, used=4))
    write('palette4.bmp', bmp(bmp_rows(indices(4)), 4, palette=quads, used=4))
    write('palette4_core.bmp', bmp(bmp_rows(indices(4)), 4, header=12, palette=triples + bytes(36)))
    write('palette2.bmp', bmp(bmp_rows(indices(2)), 2, palette=quads))
    write('palette1.bmp', bmp(bmp_rows(lambda y: pack([(x + y) % 2 for x in range(W)], 1)), 1, palette=quads[:8]))
    write('grey8.bmp', bmp(bmp_rows(lambda y: bytes(grey(x, y)[0] for x in range(W))), 8, palette=greys))

    # Run lengths: row by row one literal of three, then single pixels as runs, an end of line.
    rle8 = b''
    rle4 = b''
    for y in reversed(range(H)):
        row = [index(x, y) for x in range(W)]
        rle8 += bytes([0, 3] + row[:3] + [0]) + b''.join(bytes([1, v]) for v in row[3:]) + b'\0\0'
        rle4 += bytes([0, 5]) + pack(row[:5] + [0, 0, 0], 4) + bytes([2, row[5] << 4 | row[6]]) + b'\0\0'
    write('rle8.bmp', bmp(rle8 + b'\0\1', 8, 1, palette=quads, used=4))
    write('rle4.bmp', bmp(rle4 + b'\0\1', 4, 2, palette=quads, used=4))
    # Rows padded to 8 pixels, by a run and by a literal, and no code for the end.
    padded = b''
    padded4 = b''
    for y in reversed(range(H)):
        row = [index(x, y) for x in range(W)]
        padded += bytes([0, 6] + row[:6]) + bytes([2, row[6]]) + b'\0\0'
        padded4 += bytes([0, 8]) + pack(row + [3], 4) + b'\0\0'
    write('rle8_padded.bmp', bmp(padded + b'\0\1', 8, 1, palette=quads, used=4))
    write('rle4_padded.bmp', bmp(padded4 + b'\0\1', 4, 2, palette=quads, used=4))
    write('rle8_no_end.bmp', bmp(padded, 8, 1, palette=quads, used=4))
    write('rle8_no_end_of_line.bmp', bmp(padded[:-2], 8, 1, palette=quads, used=4))
    # One run, then a delta of (2, 3), a run there, and the end: the rest stays index 0.
    write('rle8_delta.bmp', bmp(bytes([2, 1, 0, 2, 2, 3, 3, 3, 0, 1]), 8, 1, palette=quads, used=4))

    # Defects.
    good = bmp(bmp_rows(rgb), 24)
    write('bad_truncated.bmp', good[:-1])
    write('bad_header.bmp', good[:20])
    write('bad_huge.bmp', bmp(bytes(46), 24, width=60000, height=60000))
    write('bad_zero.bmp', bmp(b'', 24, width=0))
    write('bad_index.bmp', bmp(bmp_rows(lambda y: bytes([4] * W)), 8, palette=quads, used=4))
    write('bad_rle_literal.bmp', bmp(bytes([0, 200, 1, 2]), 8, 1, palette=quads, used=4))
    write('bad_rle_rows.bmp', bmp(b'\0\0' * 6 + b'\0\1', 8, 1, palette=quads, used=4))
    write('bad_rle_no_end.bmp', bmp(bytes([7, 1]), 8, 1, palette=quads, used=4))
    write('bad_rle_no_row.bmp', bmp(padded[:-12], 8, 1, palette=quads, used=4))
    write('bad_rle_beyond.bmp', bmp(padded + bytes([1, 1]), 8, 1, palette=quads, used=4))
    write('bad_masks.bmp', bmp(bmp_rows(r565), 16, 3, masks=(0xf801, 0x07e0, 0x001e)))
    write('bad_bits.bmp', bmp(bmp_rows(rgb), 7))
    write('bad_jpeg_inside.bmp', bmp(bmp_rows(rgb), 24, 4))
    write('bad_pixels_offset.bmp', good[:10] + struct.pack('<I', 5) + good[14:])
    write('mask.bmp', bmp(bmp_rows(lambda y: bytes(1 * (x < 3) for x in range(W))), 8, palette=greys))


def make_seeds():
    """Seeds for the fuzzer of masks, which takes any bytes: what is no image."""
    for name, data in {'heic': b'\0\0\0\x24ftypheic\0\0\0\0mif1', 'hex': b'\\xffd8ffe000104a46494600010101',
                       'base64': b'iVBORw0KGgoAAAANSUhEUgAA', 'path': b'/srv/images/a.jpg', 'page': b' <!DOCTYPE html>',
                       'dicom': bytes(128) + b'DICM'}.items():
        with open(os.path.join(CORPUS, 'mask', 'foreign_' + name), 'wb') as f:
            f.write(data)


make_png()
make_jpeg()
make_bmp()
make_masks()
make_seeds()
