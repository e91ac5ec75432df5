/*
 * json.h: a data set in the DICOM JSON model (PS3.18 annex F).
 */
#ifndef LESIONSEG_DICOM_JSON_H
#define LESIONSEG_DICOM_JSON_H

#include "core/buffer.h"
#include "dicom/data/data_set.h"

/*
 * Append the data set as a JSON object in UTF-8. Left out are the file's
 * header (group 0002), lengths of groups, and bulk data: all elements of VR
 * OB, OD, OF, OL, OV, OW and UN.
 */
Status		dicom_json(const DicomSet *set, ByteBuffer *out);

#endif
