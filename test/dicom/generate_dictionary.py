#!/usr/bin/python3
"""Write src/dicom/data/dictionary_table.h from pydicom's copy of PS3.6.

Run by hand when the standard grows (python3-pydicom); the result is
committed.

    test/dicom/generate_dictionary.py > src/dicom/data/dictionary_table.h
"""
from itertools import groupby

from pydicom._dicom_dict import DicomDictionary

CHOICES = {'US or SS': 'XS', 'US or SS or OW': 'XS', 'OB or OW': 'OW', 'US or OW': 'OW'}
PER_LINE = 18

print('''/*
 * dictionary_table.h: made by test/dicom/generate_dictionary.py; do not edit.
 *
 * A line of the table is a group and, in ascending order, its elements: four
 * hexadecimal digits and two letters each. XS is US or SS.
 */''')
elements = sorted((tag >> 16, tag & 0xFFFF, CHOICES.get(entry[0], entry[0]))
                  for tag, entry in DicomDictionary.items() if entry[0] != 'NONE' and tag >> 16 != 0)
for group, members in groupby(elements, key=lambda e: e[0]):
    records = ['%04X%s' % (e, vr) for _, e, vr in members]
    lines = [''.join(records[i:i + PER_LINE]) for i in range(0, len(records), PER_LINE)]
    print('{0x%04X, %d, ""' % (group, len(records)))
    print('\n'.join('"%s"' % line for line in lines) + '},')
