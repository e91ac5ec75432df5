#!/usr/bin/python3
"""A PACS that misbehaves, behind TLS and a password.

    fake.py both.pem user:password file.dcm

Prints its port. It lists five instances of one study: file.dcm, one that it
cannot find, one whose answer is cut off, one that is large and one for which it
gives the first. Of what is sent it takes all but segmentations; below /proxy
somebody else answers, with a page, below /latin with an error in Latin-1,
below /busy with one that passes. (Debian 12's Orthanc crashes on TLS.)
"""
import base64
import http.server
import io
import json
import ssl
import sys

import pydicom

STUDY, SERIES = '1.2.3', '1.2.3.4'
SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.4'


def element(tag, vr, *values):
    return {tag: {'vr': vr, 'Value': list(values)}}


def listing(path):
    """What a query for studies or instances gives; nothing behind the first page."""
    if 'offset' in path and not path.endswith('offset=0'):
        return []
    study = {**element('00100020', 'LO', 'P1'), **element('0020000D', 'UI', STUDY), **element('00201208', 'IS', 5),
             **element('00080061', 'CS', 'SR', 'XC')}
    if '/instances' not in path:
        return [study]
    return [{**element('0020000E', 'UI', SERIES), **element('00080018', 'UI', f'{SERIES}.{n}'),
             **element('00080016', 'UI', '1.2.840.10008.5.1.4.1.1.77.1.4')} for n in range(1, 6)]


def instance(number):
    """Status and body of an instance's answer."""
    file = pydicom.dcmread(sys.argv[3])
    file.StudyInstanceUID, file.SeriesInstanceUID = STUDY, SERIES
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = f'{SERIES}.1'
    written = io.BytesIO()
    file.save_as(written)
    content = written.getvalue()
    head = b'--b\r\nContent-Type: application/dicom\r\n\r\n'
    return {
        '1': (200, head + content + b'\r\n--b--\r\n'),
        '5': (200, head + content + b'\r\n--b--\r\n'),
        '2': (404, b'no such\ninstance'),
        '3': (200, head + content[:1000]),
        '4': (200, head + bytes(2 << 20) + b'\r\n--b--\r\n'),
    }[number]


def store(body, boundary):
    """What became of the objects in a body."""
    taken, refused = [], []
    for part in body.split(b'\r\n--' + boundary)[1:-1]:
        sent = pydicom.dcmread(io.BytesIO(part.split(b'\r\n\r\n', 1)[1]), stop_before_pixels=True)
        reference = element('00081155', 'UI', sent.SOPInstanceUID)
        if sent.SOPClassUID == SEGMENTATION:
            refused.append({**reference, **element('00081197', 'US', 0x0122)})
        else:
            taken.append(reference)
    return {**element('00081199', 'SQ', *taken), **element('00081198', 'SQ', *refused)}


class Handler(http.server.BaseHTTPRequestHandler):
    def allowed(self):
        known = 'Basic ' + base64.b64encode(sys.argv[2].encode()).decode()
        return self.headers.get('Authorization') == known

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if not self.allowed():
            self.answer(401, 'text/plain', b'no')
        elif '?' in self.path:
            self.answer(200, 'application/dicom+json', json.dumps(listing(self.path)).encode())
        else:
            status, body = instance(self.path.rsplit('.', 1)[1])
            self.answer(status, 'multipart/related; type="application/dicom"; boundary=b', body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path.startswith('/proxy'):
            self.answer(200, 'text/html', b'<html>Please log in</html>')
            return
        if self.path.startswith('/busy'):
            self.answer(429, 'text/plain', b'later')
            return
        if self.path.startswith('/latin'):
            self.answer(400, 'text/plain', 'nicht für uns'.encode('latin-1'))
            return
        boundary = self.headers['Content-Type'].split('boundary=')[1].encode()
        self.answer(409, 'application/dicom+json', json.dumps(store(body, boundary)).encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
