#!/usr/bin/python3
"""Write the DICOM files of test/data/dicom and what they show.

Run by hand when a file is added; the files are committed, no test needs this
script. Data sets are made by pydicom, compressed by others' encoders (DCMTK,
GDCM, OpenJPEG, libjpeg-turbo), so that our decoders are tested on what they
did not write. What a file shows is known from the pattern it was made of or,
where its coding loses something, from DCMTK's or GDCM's decoder; it is written
as PNG (rgb.png, grey12.png, ...), which the unit tests compare with.

Debian: python3-pydicom python3-numpy python3-pil dcmtk libgdcm-tools
libopenjp2-tools libjpeg-turbo-progs
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, '..', 'data', 'dicom')
ROOT = '1.2.826.0.1.3680043.8.498.7'
IMPLICIT, EXPLICIT, BIG, DEFLATED = ('1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2',
                                     '1.2.840.10008.1.2.1.99')
SECONDARY = '1.2.840.10008.5.1.4.1.1.7'
W, H = 24, 18

y, x = np.mgrid[0:H, 0:W]
RGB = np.stack([10 * x, 14 * y, (x * y * 3 + 7 * x) % 256], axis=-1).astype(np.uint8)
SMOOTH = np.stack([100 + 4 * x, 60 + 8 * y, 200 - 3 * x - 2 * y], axis=-1).astype(np.uint8)
GREY = ((x * 11 + y * 7) % 256).astype(np.uint8)
GREY12 = ((x * 170 + y * 13) % 4096).astype(np.uint16)
INDEX = ((x + y) % 8).astype(np.uint8)


def path(name):
    return os.path.join(OUT, name)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def show(name, pixels):
    Image.fromarray(pixels).save(path(name), optimize=True)


def data_set(name, photometric, pixels, bits, stored=None, signed=False, frames=None):
    """A secondary capture of those pixels, not yet written."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SECONDARY
    meta.MediaStorageSOPInstanceUID = '%s.%d' % (ROOT, zlib.crc32(name.encode()))
    meta.ImplementationClassUID = ROOT
    meta.TransferSyntaxUID = UID(EXPLICIT)
    ds = FileDataset(None, {}, file_meta=meta, preamble=b'\0' * 128)
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SpecificCharacterSet = 'ISO_IR 100'
    ds.ImageType = ['DERIVED', 'SECONDARY']
    ds.SOPClassUID = SECONDARY
    ds.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = '20240229', '101530', 'A-17'
    ds.AcquisitionDateTime = '20240229101112.5'
    ds.ContentDate, ds.ContentTime = '20240229', '101200'
    ds.Modality, ds.Manufacturer, ds.ConversionType = 'XC', 'Rendered', 'WSD'
    ds.ReferringPhysicianName = ''
    ds.PatientName, ds.PatientID = 'M\u00fcller^J\u00f6rg', 'P-0042'
    ds.PatientBirthDate, ds.PatientSex = '19610203', 'O'
    ds.StudyInstanceUID, ds.SeriesInstanceUID = ROOT + '.1', ROOT + '.2'
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = '7', '1', '1'
    ds.PatientOrientation = ''
    ds.SamplesPerPixel = 3 if photometric[:3] in ('RGB', 'YBR') else 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = H, W
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    if frames:
        ds.NumberOfFrames = frames
    ds.BitsAllocated = bits
    ds.BitsStored = stored or bits
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(signed)
    ds.PixelSpacing = ['0.05', '0.04']
    ds.PixelData = pixels if isinstance(pixels, bytes) else pixels.tobytes()
    if len(ds.PixelData) % 2:
        ds.PixelData += b'\0'
    return ds


def write(name, ds, syntax=EXPLICIT, vr=None, **how):
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.is_little_endian = syntax != BIG
    ds.is_implicit_VR = syntax == IMPLICIT
    ds['PixelData'].VR = vr or ('OW' if ds.BitsAllocated > 8 or syntax == IMPLICIT else 'OB')
    ds.save_as(path(name), write_like_original=False, **how)


def edit(source, target, change):
    """Copy a file with its bytes changed."""
    with open(path(source), 'rb') as f:
        data = f.read()
    with open(path(target), 'wb') as f:
        f.write(change(data))


def encapsulated(name, ds, syntax, frames, table=True, fragments=1):
    """Write a data set with compressed frames."""
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.PixelData = encapsulate(frames, has_bot=table, fragments_per_frame=fragments)
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    ds.save_as(path(name), write_like_original=False)


def to_ybr(rgb):
    r, g, b = [rgb[..., i].astype(float) for i in range(3)]
    ybr = np.stack([0.299 * r + 0.587 * g + 0.114 * b, 128 - 0.168736 * r - 0.331264 * g + 0.5 * b,
                    128 + 0.5 * r - 0.418688 * g - 0.081312 * b], axis=-1)
    return np.clip(np.floor(ybr + 0.5), 0, 255).astype(np.uint8)


def to_rgb(ybr):
    yy, cb, cr = [ybr[..., i].astype(float) for i in range(3)]
    rgb = np.stack([yy + 1.402 * (cr - 128), yy - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
                    yy + 1.772 * (cb - 128)], axis=-1)
    return np.clip(np.floor(rgb + 0.5), 0, 255).astype(np.uint8)


def to_levels(value, low, high):
    """Grey values to 0..255, low black, high white."""
    return np.floor(np.clip((value.astype(float) - low) / (high - low), 0, 1) * 255 + 0.5).astype(np.uint8)


def native():
    show('rgb.png', RGB)
    show('grey.png', GREY)
    for name, syntax in (('rgb_explicit', EXPLICIT), ('rgb_implicit', IMPLICIT), ('rgb_big', BIG),
                         ('rgb_deflated', DEFLATED)):
        write(name + '.dcm', data_set(name, 'RGB', RGB, 8), syntax)
    ds = data_set('rgb_planar', 'RGB', np.moveaxis(RGB, -1, 0), 8)
    ds.PlanarConfiguration = 1
    write('rgb_planar.dcm', ds)
    edit('rgb_implicit.dcm', 'rgb_no_header.dcm',
         lambda d: d[132 + 12 + struct.unpack('<I', d[140:144])[0]:])
    edit('rgb_explicit.dcm', 'rgb_no_preamble.dcm', lambda d: d[128 + 4:])
    ybr = to_ybr(RGB)
    write('ybr.dcm', data_set('ybr', 'YBR_FULL', ybr, 8))
    show('ybr.png', to_rgb(ybr))
    pairs = ybr.reshape(H, W // 2, 2, 3)
    half = np.concatenate([pairs[:, :, 0, :1], pairs[:, :, 1, :1], pairs[:, :, 0, 1:]], axis=-1)
    write('ybr_422.dcm', data_set('ybr_422', 'YBR_FULL_422', half, 8))
    full = ybr.copy()
    full[:, 1::2, 1:] = full[:, 0::2, 1:]
    show('ybr_422.png', to_rgb(full))
    write('rgb16.dcm', data_set('rgb16', 'RGB', RGB.astype(np.uint16) * 257, 16))
    write('mono1.dcm', data_set('mono1', 'MONOCHROME1', 255 - GREY, 8))
    write('mono2.dcm', data_set('mono2', 'MONOCHROME2', GREY, 8))
    write('mono_big_words.dcm', data_set('mono_big_words', 'MONOCHROME2', GREY.reshape(-1, 2)[:, ::-1], 8), BIG, 'OW')
    write('mono12.dcm', data_set('mono12', 'MONOCHROME2', GREY12, 16, 12))
    show('grey12.png', to_levels(GREY12, 0, 4095))
    high = data_set('mono12_high', 'MONOCHROME2', GREY12 << 4, 16, 12)
    high.HighBit = 15
    write('mono12_high.dcm', high)
    window = data_set('mono12_window', 'MONOCHROME2', GREY12, 16, 12)
    window.WindowCenter, window.WindowWidth = ['1024', '7'], ['1000', '8']
    write('mono12_window.dcm', window)
    show('grey12_window.png', to_levels(GREY12, 1024 - 0.5 - 999 / 2, 1024 - 0.5 + 999 / 2))
    signed = data_set('mono16_signed', 'MONOCHROME2', (GREY12.astype(np.int16) - 1000).astype('>i2'), 16, 16, True)
    signed.RescaleIntercept, signed.RescaleSlope = '-10', '2'
    signed.WindowCenter, signed.WindowWidth = '100', '2000'
    signed.VOILUTFunction = 'LINEAR_EXACT'
    write('mono16_signed.dcm', signed, BIG)
    show('grey16_signed.png', to_levels(2 * (GREY12.astype(float) - 1000) - 10, 100 - 1000, 100 + 1000))
    palette()
    odd = data_set('odd', 'MONOCHROME2', bytes(range(15)), 8)
    odd.Rows, odd.Columns = 5, 3
    write('odd.dcm', odd)
    edit('odd.dcm', 'odd_length.dcm', lambda d: d[:-20] + struct.pack('<I', 15) + d[-16:])
    twice = data_set('odd_big_words', 'MONOCHROME2', np.array([*range(15)] * 2, np.uint8).reshape(-1, 2)[:, ::-1], 8,
                     frames=2)
    twice.Rows, twice.Columns = 5, 3
    write('odd_big_words.dcm', twice, BIG, 'OW')
    show('odd.png', np.arange(15, dtype=np.uint8).reshape(5, 3))


def palette():
    colours = np.array([[0, 0, 0], [255, 0, 0], [10, 200, 30], [255, 255, 255], [5, 6, 7], [90, 80, 70], [1, 2, 3],
                        [200, 100, 50]], dtype=np.uint16)
    show('palette.png', colours[np.maximum(INDEX, 2) - 2].astype(np.uint8)[..., :3])
    for name, bits in (('palette8', 8), ('palette16', 16)):
        ds = data_set(name, 'PALETTE COLOR', INDEX, 8)
        for i, colour in enumerate(('Red', 'Green', 'Blue')):
            setattr(ds, colour + 'PaletteColorLookupTableDescriptor', [8, 2, bits])
            values = colours[:, i] if bits == 8 else colours[:, i] * 257
            data = values.astype(np.uint8).tobytes() if bits == 8 else values.astype('<u2').tobytes()
            setattr(ds, colour + 'PaletteColorLookupTableData', data)
        for element in ds:
            if 'PaletteColorLookupTableDescriptor' in element.keyword:
                element.VR = 'US'
            if 'PaletteColorLookupTableData' in element.keyword:
                element.VR = 'OW'
        write(name + '.dcm', ds)


def three_frames(name):
    pixels = np.stack([RGB, RGB[::-1], 255 - RGB])
    return data_set(name, 'RGB', pixels, 8, frames=3)


def rle():
    run('dcmcrle', path('rgb_explicit.dcm'), path('rgb_rle.dcm'))
    run('dcmcrle', path('mono12.dcm'), path('mono12_rle.dcm'))
    write('three.dcm', three_frames('three'))
    show('frame2.png', RGB[::-1])
    show('frame3.png', 255 - RGB)
    run('dcmcrle', path('three.dcm'), path('three_rle.dcm'))
    run('dcmcrle', '-ot', path('three.dcm'), path('three_rle_no_table.dcm'))
    edit('three_rle.dcm', 'three_rle_no_delimiter.dcm', lambda d: d[:-8])


def jpeg():
    smooth = data_set('smooth', 'RGB', SMOOTH, 8)
    write('smooth.dcm', smooth)
    show('smooth.png', SMOOTH)
    for name, options in (('baseline', ['+eb']), ('extended', ['+ee', '+be']), ('spectral', ['+es', '+be']),
                          ('progressive', ['+ep', '+be'])):
        run('dcmcjpeg', *options, '+q', '95', '+s4', '+un', path('smooth.dcm'), path('jpeg_%s.dcm' % name))
        decoded('jpeg_' + name)
    run('dcmcjpeg', '+eb', '+q', '95', '+un', path('mono1.dcm'), path('jpeg_mono1.dcm'))
    show('jpeg_mono1.png', 255 - pydicom.dcmread(path('jpeg_mono1.dcm')).pixel_array)
    run('dcmcjpeg', '+ee', '+un', path('mono12.dcm'), path('jpeg_12_bits.dcm'))
    for i in range(1, 8):
        run('dcmcjpeg', '+el', '+sv', str(i), '+un', path('rgb_explicit.dcm'), path('lossless_%d.dcm' % i))
    run('dcmcjpeg', '+e1', '+un', path('rgb_explicit.dcm'), path('lossless_sv1.dcm'))
    run('dcmcjpeg', '+e1', '+un', path('mono12.dcm'), path('lossless_mono12.dcm'))
    run('dcmcjpeg', '+e1', '+un', path('mono16_signed.dcm'), path('lossless_signed.dcm'))
    run('dcmcjpeg', '+e1', '+un', path('ybr.dcm'), path('lossless_ybr.dcm'))
    run('dcmcjpeg', '+el', '+sv', '4', '+pt', '2', '+un', path('mono12.dcm'), path('lossless_shift.dcm'))
    show('grey12_shift.png', to_levels(GREY12 & ~3, 0, 4095))
    colours()
    lossless_rare()
    noise = np.random.RandomState(5).randint(0, 256, (3, 64, 48, 3)).astype(np.uint8)
    ds = data_set('fragments', 'RGB', noise, 8, frames=3)
    ds.Rows, ds.Columns = 64, 48
    write('fragments.dcm', ds)
    run('dcmcjpeg', '+e1', '+un', '+fs', '2', path('fragments.dcm'), path('fragments_table.dcm'))
    run('dcmcjpeg', '+e1', '+un', '+fs', '2', '-ot', path('fragments.dcm'), path('fragments_no_table.dcm'))
    os.remove(path('fragments.dcm'))
    show('fragments2.png', noise[1])
    extended_table()


def decoded(name):
    """What DCMTK makes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, 'a.ppm')
        run('dcmj2pnm', path(name + '.dcm'), target)
        show(name + '.png', np.array(Image.open(target)))


def jpeg_bytes(pixels, *options):
    """A JPEG stream by libjpeg-turbo's cjpeg."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, 'a.ppm'), os.path.join(folder, 'a.jpg')
        Image.fromarray(pixels).save(source)
        run('cjpeg', '-quality', '98', '-sample', '1x1', *options, '-outfile', target, source)
        with open(target, 'rb') as f:
            return f.read()


def without(stream, markers):
    """A JPEG stream without those segments before the frame header."""
    at, out = 2, stream[:2]
    while stream[at + 1] not in (0xC0, 0xC1, 0xC2, 0xDA):
        length = 2 + struct.unpack('>H', stream[at + 2:at + 4])[0]
        if stream[at + 1] not in markers:
            out += stream[at:at + length]
        at += length
    return out + stream[at:]


def renumbered(stream):
    """The same with components 1, 2, 3, whatever they were."""
    data = bytearray(stream)
    at = data.index(b'\xff\xc0') + 10
    data[at], data[at + 3], data[at + 6] = 1, 2, 3
    at = data.index(b'\xff\xda') + 5
    data[at], data[at + 2], data[at + 4] = 1, 2, 3
    return bytes(data)


def colours():
    """Who says what the colours are: JFIF, else Adobe, else the data set."""
    ycc, rgb = jpeg_bytes(SMOOTH), jpeg_bytes(SMOOTH, '-rgb')
    adobe = bytes.fromhex('ffee000e41646f626500640000000000')
    baseline = '1.2.840.10008.1.2.4.50'
    for name, photometric, stream in (
            ('colour_jfif', 'RGB', ycc),
            ('colour_adobe_rgb', 'YBR_FULL', renumbered(rgb)),
            ('colour_adobe_ybr', 'RGB', without(ycc, [0xE0])[:2] + adobe[:-1] + b'\x01' + without(ycc, [0xE0])[2:]),
            ('colour_tag_rgb', 'RGB', without(renumbered(rgb), [0xE0, 0xEE])),
            ('colour_tag_ybr', 'YBR_FULL', without(ycc, [0xE0, 0xEE]))):
        encapsulated(name + '.dcm', data_set(name, photometric, b'', 8), baseline, [stream])


def lossless_stream(pixels, predictor, restart_rows=0, interleaved=True):
    """A lossless JPEG stream with what DCMTK's encoder never writes: restart markers, a scan for each component.
    Every difference's size has a code of five bits."""
    height, width, count = pixels.shape
    out = b'\xff\xd8' + b'\xff\xc3' + struct.pack('>HBHHB', 8 + 3 * count, 8, height, width, count)
    out += b''.join(bytes([c + 1, 0x11, 0]) for c in range(count))
    out += b'\xff\xc4' + struct.pack('>HB', 19 + 17, 0) + bytes([0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17))
    if restart_rows:
        out += b'\xff\xdd' + struct.pack('>HH', 4, restart_rows * width)

    def flush(bits):
        bits += '1' * (-len(bits) % 8)
        return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)).replace(b'\xff', b'\xff\0')

    for scan in [range(count)] if interleaved else [[c] for c in range(count)]:
        out += b'\xff\xda' + struct.pack('>HB', 6 + 2 * len(scan), len(scan))
        out += b''.join(bytes([c + 1, 0]) for c in scan) + bytes([predictor, 0, 0])
        bits, marker = '', 0
        for v in range(height):
            fresh = v == 0 or (restart_rows and v % restart_rows == 0)
            if v and fresh:
                out += flush(bits) + bytes([0xff, 0xd0 + marker % 8])
                bits, marker = '', marker + 1
            for u in range(width):
                for c in scan:
                    a, b, d = (int(pixels[v, u - 1, c]) if u else 0, int(pixels[v - 1, u, c]) if v else 0,
                               int(pixels[v - 1, u - 1, c]) if u and v else 0)
                    if fresh:
                        guess = a if u else 128
                    else:
                        guess = b if u == 0 else {1: a, 2: b, 4: a + b - d, 7: (a + b) >> 1}[predictor]
                    value = int(pixels[v, u, c]) - guess
                    size = abs(value).bit_length()
                    bits += format(size, '05b')
                    if size:
                        bits += format(value if value > 0 else value + (1 << size) - 1, '0%db' % size)
        out += flush(bits)
    return out + b'\xff\xd9'


def lossless_rare():
    """Restart markers and separate scans; DCMTK must read them as we do."""
    for name, how in (('lossless_restart', {'predictor': 4, 'restart_rows': 2}),
                      ('lossless_scans', {'predictor': 7, 'interleaved': False})):
        encapsulated(name + '.dcm', data_set(name, 'RGB', b'', 8), '1.2.840.10008.1.2.4.57',
                     [lossless_stream(RGB, **how)])
        with tempfile.TemporaryDirectory() as folder:
            target = os.path.join(folder, 'a.dcm')
            run('dcmdjpeg', path(name + '.dcm'), target)
            assert np.array_equal(pydicom.dcmread(target).pixel_array, RGB), name


def extended_table():
    """An Extended Offset Table, its frames in an order of its own."""
    frames = [jpeg_bytes(SMOOTH), jpeg_bytes(SMOOTH[::-1].copy()), jpeg_bytes(255 - SMOOTH)]
    frames = [f + b'\0' * (len(f) % 2) for f in frames]
    ds = data_set('extended_table', 'YBR_FULL', b'', 8, frames=3)
    offsets, at = [], 0
    for frame in frames:
        offsets.append(at)
        at += 8 + len(frame)
    ds.add_new(0x7FE00001, 'OV', struct.pack('<3Q', *offsets))
    ds.add_new(0x7FE00002, 'OV', struct.pack('<3Q', *map(len, frames)))
    encapsulated('extended_table.dcm', ds, '1.2.840.10008.1.2.4.50', frames, table=False)
    show('smooth2.png', SMOOTH[::-1])


def jpeg_ls():
    run('dcmcjpls', '+un', path('rgb_explicit.dcm'), path('ls_line.dcm'))
    run('dcmcjpls', '+un', '+is', path('rgb_explicit.dcm'), path('ls_sample.dcm'))
    run('dcmcjpls', '+un', '+in', path('rgb_explicit.dcm'), path('ls_none.dcm'))
    run('dcmcjpls', '+un', path('mono12.dcm'), path('ls_mono12.dcm'))
    run('dcmcjpls', '+un', '+en', path('smooth.dcm'), path('ls_near.dcm'))


def opj_bytes(pixels, suffix, *options):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, 'a.ppm'), os.path.join(folder, 'a.' + suffix)
        Image.fromarray(pixels).save(source)
        run('opj_compress', '-i', source, '-o', target, '-n', '3', *options)
        with open(target, 'rb') as f:
            return f.read()


def jpeg_2000():
    run('gdcmconv', '--j2k', path('rgb_explicit.dcm'), path('j2k_gdcm.dcm'))
    run('gdcmconv', '--j2k', path('mono12.dcm'), path('j2k_mono12.dcm'))
    lossless, lossy = '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.91'
    for name, photometric, syntax, pixels, suffix, options in (
            ('j2k_rct', 'YBR_RCT', lossless, RGB, 'j2k', ['-mct', '1']),
            ('j2k_plain', 'RGB', lossless, RGB, 'j2k', ['-mct', '0']),
            ('j2k_wrong_tag', 'YBR_FULL', lossless, RGB, 'j2k', ['-mct', '1']),
            ('j2k_ybr', 'YBR_FULL', lossless, to_ybr(RGB), 'j2k', ['-mct', '0']),
            ('j2k_boxes', 'YBR_RCT', lossless, RGB, 'jp2', ['-mct', '1']),
            ('j2k_tiles', 'YBR_RCT', lossless, RGB, 'j2k', ['-mct', '1', '-t', '16,8']),
            ('j2k_lossy', 'YBR_ICT', lossy, SMOOTH, 'j2k', ['-I', '-r', '4'])):
        encapsulated(name + '.dcm', data_set(name, photometric, b'', 8), syntax, [opj_bytes(pixels, suffix, *options)])


def jpeg_2000_areas():
    """Codestreams of tiles: many, a few, and some too large to be decoded in one go."""
    y, x = np.mgrid[0:1100, 0:1400]
    pixels = (x // 200 * 31 + y // 150 * 53).astype(np.uint8)
    for tile in ('128,100', '600,500', '1300,1000'):
        with open(path('areas_%s.j2k' % tile.replace(',', '_')), 'wb') as f:
            f.write(opj_bytes(pixels, 'j2k', '-t', tile))


def not_handled():
    for name, syntax in (('htj2k', '1.2.840.10008.1.2.4.201'), ('mpeg2', '1.2.840.10008.1.2.4.100')):
        known = '1.2.840.10008.1.2.4.103'   # pydicom 2.3 writes no syntax that it does not know
        encapsulated(name + '.dcm', data_set(name, 'YBR_FULL', b'', 8), known, [b'\xff\x4f\xff\x51'])
        edit(name + '.dcm', name + '.dcm', lambda d: d.replace(known.encode(), syntax.encode()))
    with tempfile.TemporaryDirectory() as folder:
        document = os.path.join(folder, 'a.pdf')
        with open(document, 'wb') as f:
            f.write(b'%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n'
                    b'2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n')
        run('pdf2dcm', document, path('pdf.dcm'))


def segmentation(name, kind, frames, bits=None, tiles=None):
    """A segmentation object; frames are (segment, source instance, source frame, pixels)."""
    ds = data_set(name, 'MONOCHROME2', b'', 8)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.66.4'
    ds.Modality, ds.SegmentationType = 'SEG', kind
    height, width = frames[0][3].shape
    ds.Rows, ds.Columns, ds.NumberOfFrames = height, width, len(frames)
    if kind == 'FRACTIONAL':
        ds.SegmentationFractionalType, ds.MaximumFractionalValue = 'PROBABILITY', 200
        data = np.stack([f[3] for f in frames]).astype(np.uint8).tobytes()
    else:
        ds.BitsAllocated = ds.BitsStored = 1
        ds.HighBit = 0
        data = np.packbits(np.stack([f[3] for f in frames]).ravel() > 0, bitorder='little').tobytes()
    ds.PixelData = data + b'\0' * (len(data) % 2)
    if tiles:
        ds.TotalPixelMatrixRows, ds.TotalPixelMatrixColumns = tiles
    ds.SegmentSequence = Sequence()
    for number in sorted({f[0] for f in frames}):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel, item.SegmentAlgorithmType = number, 'Segment %d' % number, 'MANUAL'
        ds.SegmentSequence.append(item)
    ds.PerFrameFunctionalGroupsSequence = Sequence()
    for number, instance, frame, _ in frames:
        item, identification, derivation, source = Dataset(), Dataset(), Dataset(), Dataset()
        identification.ReferencedSegmentNumber = number
        item.SegmentIdentificationSequence = Sequence([identification])
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = SECONDARY, '%s.9.%d' % (ROOT, instance)
        if frame:
            source.ReferencedFrameNumber = frame
        derivation.SourceImageSequence = Sequence([source])
        item.DerivationImageSequence = Sequence([derivation])
        ds.PerFrameFunctionalGroupsSequence.append(item)
    return ds


def segmentations():
    """Masks of 7 x 5: frames do not end at a byte."""
    v, u = np.mgrid[0:5, 0:7]
    one, two, three = (u + v) % 3 == 0, (u > 2) & (v > 1), u == 0
    for name, shown in (('seg1', one), ('seg2', two), ('seg13', one | three)):
        show(name + '.png', shown.astype(np.uint8) * 255)
    write('seg_binary.dcm', segmentation('seg_binary', 'BINARY', [(1, 1, 0, one), (2, 1, 0, two)]))
    write('seg_implicit.dcm', segmentation('seg_binary', 'BINARY', [(1, 1, 0, one), (2, 1, 0, two)]), IMPLICIT)
    write('seg_frames.dcm', segmentation('seg_frames', 'BINARY', [(1, 1, 1, one), (1, 1, 2, two), (1, 1, 1, three)]))
    write('seg_images.dcm', segmentation('seg_images', 'BINARY', [(1, 1, 0, one), (1, 2, 0, two)]))
    write('seg_tiles.dcm', segmentation('seg_tiles', 'BINARY', [(1, 1, 0, one)], tiles=(50, 70)))
    levels = [one * 100 + ~one * 99, two * 200 + ~two * 3]     # of 200: half and just below
    fractional = segmentation('seg_fractional', 'FRACTIONAL', [(1, 1, 0, levels[0]), (2, 1, 0, levels[1])])
    write('seg_fractional.dcm', fractional)
    run('dcmcrle', path('seg_fractional.dcm'), path('seg_fractional_rle.dcm'))
    folder = os.path.join(HERE, '..', 'fuzz', 'corpus', 'dicom_seg')
    os.makedirs(folder, exist_ok=True)
    for name in ('seg_binary', 'seg_implicit', 'seg_frames', 'seg_fractional', 'seg_fractional_rle'):
        with open(path(name + '.dcm'), 'rb') as source, open(os.path.join(folder, name), 'wb') as target:
            target.write(source.read())


def words(name, read=None):
    """What pydicom makes of a file, or of another that says the same, in the JSON model, less what we leave out."""
    def tidy(level):
        for tag, element in list(level.items()):
            if element['vr'] in ('OB', 'OW', 'UN'):
                del level[tag]
            elif tag == '00080005':
                element['Value'] = ['ISO_IR 192']
            elif element['vr'] == 'SQ':
                for item in element['Value']:
                    tidy(item)
            elif 'Value' in element:
                element['Value'] = [int(v) if isinstance(v, float) and abs(v) < 1e15 and v == int(v) else v
                                    for v in element['Value']]
        return level

    ds = pydicom.dcmread(read or path(name + '.dcm'))
    with open(path(name + '.json'), 'w') as f:
        json.dump(tidy(ds.to_json_dict()), f, ensure_ascii=False, indent=1, sort_keys=True)


def texts():
    """Character sets, numbers, nesting: what lesion_dicom_tags makes of them is compared with pydicom's words."""
    for name, sets, patient in (
            ('text_latin1', 'ISO_IR 100', 'M\u00fcller^J\u00f6rg'),
            ('text_utf8', 'ISO_IR 192', 'M\u00fcller^J\u00f6rg=\u5c71\u7530'),
            ('text_greek', 'ISO_IR 126', '\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2'),
            ('text_cyrillic', 'ISO_IR 144', '\u041b\u044e\u043ce\u043a\u0441'),
            ('text_japanese', ['', 'ISO 2022 IR 87'],
             'Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046'),
            ('text_katakana', ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
             '\uff94\uff8f\uff80\uff9e^\uff80\uff9b\uff73=\u5c71\u7530^\u592a\u90ce'),
            ('text_korean', ['', 'ISO 2022 IR 149'], 'Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9'),
            ('text_chinese', ['', 'ISO 2022 IR 58'], 'Zhang^XiaoDong=' + 'X' * 15),
            ('text_gb18030', 'GB18030', 'Wang^XiaoDong=\u738b^\u5c0f\u4e1c')):
        ds = data_set(name, 'MONOCHROME2', b'\0\0', 8)
        ds.Rows, ds.Columns = 1, 2
        ds.SpecificCharacterSet = sets
        ds.PatientName = patient
        write(name + '.dcm', ds)
        if name == 'text_chinese':  # pydicom 2.3 knows no escape sequences of this set; DCMTK does
            escaped = b'\x1b$)A' + '\u5f20'.encode('gb2312') + b'^' + b'\x1b$)A' + '\u5c0f\u4e1c'.encode('gb2312')
            edit(name + '.dcm', name + '.dcm', lambda d: d.replace(b'X' * 15, escaped))
            with tempfile.TemporaryDirectory() as folder:
                utf8 = os.path.join(folder, 'utf8.dcm')
                run('dcmconv', '+U8', path(name + '.dcm'), utf8)
                words(name, utf8)
        else:
            words(name)
    ds = data_set('tags', 'MONOCHROME2', b'\0\0', 8)
    ds.Rows, ds.Columns = 1, 2
    inner, outer = Dataset(), Dataset()
    inner.SpecificCharacterSet, inner.CodeMeaning = 'ISO_IR 192', '\u0394'
    outer.PurposeOfReferenceCodeSequence = Sequence([inner, Dataset()])
    ds.SourceImageSequence = Sequence([outer])
    ds.FrameIncrementPointer = [0x00181063, 0x00181065]
    ds.SmallestImagePixelValue = 7
    ds.WindowCenter, ds.WindowWidth = ['1.50', '-2e3'], ['4', '5']
    ds.ImageComments = 'one\\two\r\n"three"'
    ds.add_new(0x00189004, 'CS', '')
    ds.add_new(0x00189073, 'FD', [0.1, 1e300])
    ds.add_new(0x0018605A, 'FL', 0.1)
    ds.add_new(0x00186016, 'UL', 4294967295)
    ds.add_new(0x00186022, 'SL', -5)
    ds.add_new(0x00091001, 'UN', b'\1\2')
    ds.add_new(0x00090010, 'LO', 'OURS')
    for name, syntax in (('tags', EXPLICIT), ('tags_implicit', IMPLICIT), ('tags_big', BIG)):
        write(name + '.dcm', ds, syntax)
        words(name)


def seeds():
    """Single frames for the fuzzers of single decoders (test/fuzz/fuzz_frame.h)."""
    for folder, names in (('dicom_rle', ['rgb_rle', 'mono12_rle']),
                          ('jpeg_lossless', ['lossless_%d' % i for i in range(1, 8)] +
                           ['lossless_mono12', 'lossless_shift', 'lossless_restart', 'lossless_scans'])):
        folder = os.path.join(HERE, '..', 'fuzz', 'corpus', folder)
        os.makedirs(folder, exist_ok=True)
        for name in names:
            ds = pydicom.dcmread(path(name + '.dcm'))
            kind = (ds.SamplesPerPixel == 3) + 2 * (ds.BitsAllocated == 16)
            with open(os.path.join(folder, name), 'wb') as f:
                f.write(bytes([kind, ds.Columns - 1, ds.Rows - 1]) +
                        next(pydicom.encaps.generate_pixel_data_frame(ds.PixelData)))


parts = {f.__name__: f for f in (native, rle, jpeg, jpeg_ls, jpeg_2000, jpeg_2000_areas, not_handled,
                                 segmentations, texts, seeds)}
os.makedirs(OUT, exist_ok=True)
for part in sys.argv[1:] or parts:
    parts[part]()
