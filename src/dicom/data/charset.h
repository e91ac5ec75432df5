/*
 * charset.h: text in any of DICOM's character sets (PS3.5 section 6.1, PS3.3
 * section C.12.1.1.2) as UTF-8: the ISO 8859 parts, UTF-8, GB18030, GBK, and
 * with code extensions those of Japanese, Korean and Chinese.
 */
#ifndef LESIONSEG_DICOM_CHARSET_H
#define LESIONSEG_DICOM_CHARSET_H

#include "core/buffer.h"
#include "dicom/data/data_set.h"

/*
 * Append an element's text as UTF-8: all its values with the backslashes
 * between them, without padding at the end. charset is the
 * SpecificCharacterSet for this element, NULL for none. Bytes without a
 * meaning in the set become U+FFFD. LS_UNSUPPORTED for an unknown set, unless
 * the text is only ASCII; LS_OUT_OF_MEMORY where iconv lacks memory or files. Polls the call of `out`.
 */
Status		dicom_text_utf8(const DicomElement *charset, const DicomElement *element, ByteBuffer *out);

#endif
