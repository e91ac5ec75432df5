#!/usr/bin/python3
"""Fill an Orthanc with instances.

    fill.py http://host:port file.dcm count bytes

They are the file with other UIDs, four to a study, and a private element that
makes them as many bytes.
"""
import http.client
import io
import sys
import urllib.parse

import pydicom

server, name, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
data = pydicom.dcmread(name)
private = data.private_block(0x0011, 'lesionseg test', create=True)
private.add_new(0x01, 'OB', b'')
connection = None
for number in range(count):
    data.StudyInstanceUID = f'2.25.{number // 4 + 1}'
    data.SeriesInstanceUID = f'2.25.{number // 4 + 1}.1'
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f'2.25.{number // 4 + 1}.1.{number % 4}'
    data.PatientID = f'R{number // 4}'
    out = io.BytesIO()
    data.save_as(out)
    if number == 0:
        private[0x01].value = bytes(max(0, size - len(out.getvalue())) // 2 * 2)
        out = io.BytesIO()
        data.save_as(out)
    if number % 1000 == 0:
        connection = http.client.HTTPConnection(urllib.parse.urlparse(server).netloc)
    connection.request('POST', '/instances', out.getvalue())
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f'Orthanc answers {answer.status}')
