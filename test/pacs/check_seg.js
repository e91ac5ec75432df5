// Compare a segmentation, as dcmjs reads it, with a mask of one byte a pixel.
//
//     node check_seg.js seg.dcm mask.raw
//
// Prints how many pixels differ, and the source that the frame names.
const fs = require('fs');
const dcmjs = require('../../build/npm/node_modules/dcmjs');

dcmjs.log.setLevel?.('error');
const file = fs.readFileSync(process.argv[2]);
const data = dcmjs.data.DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
const seg = dcmjs.data.DicomMetaDictionary.naturalizeDataset(data.dict);
const mask = fs.readFileSync(process.argv[3]);
const packed = Array.isArray(seg.PixelData) ? seg.PixelData[0] : seg.PixelData;
const pixels = new Uint8Array(dcmjs.data.BitArray.unpack(packed));
let different = 0;
for (let i = 0; i < seg.Rows * seg.Columns; i++)
	if ((pixels[i] !== 0) !== (mask[i] !== 0))
		different++;
if (mask.length !== seg.Rows * seg.Columns)
	different = -1;
const first = (value) => Array.isArray(value) ? value[0] : value;
const frame = first(seg.PerFrameFunctionalGroupsSequence);
const source = first(first(frame.DerivationImageSequence).SourceImageSequence);
console.log('different', different);
console.log('source', source.ReferencedSOPInstanceUID);
