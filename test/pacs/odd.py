#!/usr/bin/python3
"""PACSs that are legal and odd, without TLS.

    odd.py log file.dcm [seg.dcm]

Prints its port. Below /NAME answers the PACS of that name in PACSS, with the
file or, where it has segmentations, with seg.dcm under other UIDs. Each
request becomes a line of the log: method and path; of a POST the UIDs that came.
"""
import http.server
import io
import json
import sys
import time
import urllib.parse
import warnings

import pydicom

PHOTO, CAPTURE, SEG = '1.2.840.10008.5.1.4.1.1.77.1.4', '1.2.840.10008.5.1.4.1.1.7', '1.2.840.10008.5.1.4.1.1.66.4'

# What a PACS has and how it answers. turned: where the offset is not 0, lists are turned by so
# many, as those of an index that is read in another way. swapped: it gives the file of the instance
# after. says: how many instances a study is said to have. patient: its PatientID where it is not
# that of the file; told: in which lists. status, one_status: of queries, of those for one instance.
# stow: how it answers objects. endless: every page of instances is full of new ones. trickle: lists
# come at two bytes a second.
DEFAULT = {'studies': 1, 'instances': 1, 'says': None, 'turned': 0, 'most': None, 'limit': True, 'offset': True,
           'invalid': (), 'twice': False, 'manufacturer': None, 'in_file': 'Camera', 'class': PHOTO, 'single': False,
           'refused': (), 'fails': 0, 'slow': False, 'padding': 0, 'zeros': False, 'patient': None,
           'told': ('studies', 'instances'), 'text': 0, 'status': 200, 'one_status': 200, 'stow': 'plain',
           'endless': False, 'trickle': False, 'swapped': False}
PACSS = {
    'unstable': {'studies': 250, 'turned': 37},
    'unstable_study': {'instances': 2500, 'turned': 700},
    'no_offset': {'studies': 250, 'offset': False},
    'no_pages': {'studies': 250, 'offset': False, 'limit': False},
    'first_page': {'studies': 250, 'offset': False, 'most': 100},
    'small_pages': {'studies': 250, 'most': 30},
    'fewer': {'instances': 4, 'says': 5},
    'invalid': {'studies': 5, 'instances': 3, 'invalid': (2,)},
    'twice': {'instances': 2, 'twice': True},
    'single': {'instances': 2, 'single': True},
    'ours': {'class': CAPTURE, 'in_file': 'lesionseg'},
    'ours_long': {'class': CAPTURE, 'in_file': 'lesionseg', 'text': 1 << 20},
    'ours_padded': {'class': CAPTURE, 'in_file': 'lesionseg', 'manufacturer': 'lesionseg '},
    'others': {'class': CAPTURE},
    'fails': {'instances': 6, 'fails': 3},
    'masks': {'class': SEG, 'twice': True},
    'swapped': {'class': SEG, 'swapped': True},
    'slow': {'slow': True},
    'huge': {'studies': 20, 'padding': 1 << 20},
    'zeros': {'zeros': True},
    'takes': {'instances': 2},
    'one': {},
    'refuses_seg': {'instances': 2, 'refused': (SEG,)},
    'told_by_study': {'told': ('studies',)},
    'other_by_study': {'told': ('studies',), 'patient': 'MERGED'},
    'untold': {'told': ()},
    'another': {'patient': 'MERGED'},
    'padded': {'patient': ' P1 '},
    'empty': {'instances': 0},
    'not_found': {'instances': 0, 'studies': 0, 'one_status': 404},
    'nowhere': {'status': 404},
    'trouble': {'status': 500},
    'unreadable': {'invalid': (1,)},
    'coerces': {'instances': 2, 'stow': 'coerces'},
    'renames': {'instances': 2, 'stow': 'renames'},
    'silent': {'instances': 2, 'stow': 'silent'},
    'endless': {'studies': 2, 'endless': True},
    'trickle': {'trickle': True},
}


def element(tag, vr, *values):
    return {tag: {'vr': vr, 'Value': list(values)}}


def uids(pacs, study, instance):
    """UIDs of study, series and instance, numbers from 1."""
    zero = '0' if pacs['zeros'] else ''
    series = f'1.9.{study}.{2 if pacs["class"] == SEG else 1}'
    return f'1.9.{zero}{study}', series, f'{series}.{instance}'


def page(pacs, items, query):
    """Those of a list that a query asks for."""
    for key, tag in (('StudyInstanceUID', '0020000D'), ('SOPInstanceUID', '00080018')):
        if key in query:
            items = [item for item in items if item[tag]['Value'] == query[key]]
    offset = int(query.get('offset', ['0'])[0]) if pacs['offset'] else 0
    if offset > 0:
        start = pacs['turned'] % max(len(items), 1)
        items = items[start:] + items[:start]
    if 'limit' not in query:
        return items
    most = min(int(query['limit'][0]), pacs['most'] or sys.maxsize) if pacs['limit'] else len(items)
    return items[offset:offset + most]


def patient(pacs, level):
    """PatientID, as a list of that level says it."""
    if level not in pacs['told']:
        return {}
    file = pydicom.dcmread(sys.argv[2], specific_tags=['PatientID'])
    return element('00100020', 'LO', pacs['patient'] or file.PatientID)


def studies(pacs):
    listed = []
    told = patient(pacs, 'studies')
    for number in range(1, pacs['studies'] + 1):
        item = {**told, **element('0020000D', 'UI', uids(pacs, number, 1)[0]), **element('00080061', 'CS', 'XC'),
                **element('00201208', 'IS', pacs['says'] or pacs['instances']),
                **element('00081030', 'LO', ' ' * pacs['padding'])}
        if number in pacs['invalid']:
            item['0020000D']['Value'] = ['..']
        listed.append(item)
    return listed


def instances(pacs, study):
    listed = []
    told = patient(pacs, 'instances')
    for number in range(1, pacs['instances'] + 1):
        _, series, instance = uids(pacs, study, number)
        item = {**told, **element('0020000E', 'UI', series), **element('00080018', 'UI', instance),
                **element('00080016', 'UI', pacs['class'])}
        if pacs['manufacturer']:
            item.update(element('00080070', 'LO', pacs['manufacturer']))
        if number in pacs['invalid']:
            del item['00080016']
        listed += [item] * (2 if pacs['twice'] else 1)
    return listed


def endless_page(pacs, study, query):
    """A page of instances, none of which came before."""
    first = int(query['offset'][0]) + 1
    return [{**element('0020000E', 'UI', uids(pacs, study, n)[1]), **element('00080018', 'UI', uids(pacs, study, n)[2]),
             **element('00080016', 'UI', PHOTO)} for n in range(first, first + int(query['limit'][0]))]


def file_of(pacs, study, number):
    file = pydicom.dcmread(sys.argv[3 if pacs['class'] == SEG else 2])
    file.StudyInstanceUID, file.SeriesInstanceUID, file.SOPInstanceUID = uids(pacs, study, number + pacs['swapped'])
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = pacs['class']
    file.Manufacturer = pacs['in_file']
    file.add_new(0x00091010, 'UT', 'x' * pacs['text'])
    written = io.BytesIO()
    file.save_as(written)
    return written.getvalue()


def store(pacs, sent):
    """What became of the objects that were sent."""
    taken, refused = [], []
    for file in sent:
        reference = element('00081155', 'UI', file.SOPInstanceUID)
        if file.SOPClassUID in pacs['refused']:
            refused.append({**reference, **element('00081197', 'US', 0x0122)})
        else:
            if pacs['stow'] == 'coerces':
                reference.update(element('00081196', 'US', 0xB000))
            if pacs['stow'] == 'renames':
                reference = element('00081155', 'UI', f'{file.SOPInstanceUID}.1')
            taken.append(reference)
    return {**element('00081199', 'SQ', *taken), **element('00081198', 'SQ', *refused)}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, kind, body, trickle=False):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body) + (1 << 20 if trickle else 0)))
        self.end_headers()
        while trickle:
            self.wfile.write(b'  ')
            time.sleep(1)
        self.wfile.write(body)

    def note(self, *more):
        with open(sys.argv[1], 'a', encoding='ascii') as log:
            print(self.command, self.path, *more, file=log)

    def do_GET(self):
        self.note()
        url = urllib.parse.urlparse(self.path)
        _, name, _, *path = url.path.split('/')
        pacs = {**DEFAULT, **PACSS[name]}
        if pacs['slow']:
            time.sleep(60)
        study = int(path[0].split('.')[2]) if path else 0
        if url.query:
            status = pacs['one_status'] if 'SOPInstanceUID' in url.query else 200
            if max(status, pacs['status']) != 200:
                self.answer(max(status, pacs['status']), 'text/plain', b'no')
                return
            query = urllib.parse.parse_qs(url.query)
            if pacs['endless'] and path:
                listed = endless_page(pacs, study, query)
            else:
                listed = page(pacs, instances(pacs, study) if path else studies(pacs), query)
            self.answer(200, 'application/dicom+json', json.dumps(listed).encode(), pacs['trickle'])
            return
        number = int(path[-1].rsplit('.', 1)[1])
        if number <= pacs['fails']:
            self.answer(404, 'text/plain', b'gone')
            return
        file = file_of(pacs, study, number)
        if pacs['single']:
            self.answer(200, 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1', file)
        else:
            self.answer(200, 'multipart/related; type="application/dicom"; boundary=b',
                        b'--b\r\nContent-Type: application/dicom\r\n\r\n' + file + b'\r\n--b--\r\n')

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        boundary = self.headers['Content-Type'].split('boundary=')[1].encode()
        sent = [pydicom.dcmread(io.BytesIO(part.split(b'\r\n\r\n', 1)[1]), stop_before_pixels=True)
                for part in body.split(b'\r\n--' + boundary)[1:-1]]
        self.note(*(f'{file.Modality} {file.SOPInstanceUID}' for file in sent))
        pacs = {**DEFAULT, **PACSS[self.path.split('/')[1]]}
        answer = b'' if pacs['stow'] == 'silent' else json.dumps(store(pacs, sent)).encode()
        self.answer(200 if pacs['stow'] == 'plain' else 202, 'application/dicom+json', answer)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that goes in the middle of an answer is no error of ours."""


warnings.simplefilter('ignore')    # UIDs with leading zeros
server = Server(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
