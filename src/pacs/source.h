/*
 * source.h: is an image still in the PACS, as the image of the same patient?
 *
 * What is made of an image goes into its study, and names its patient as the file did
 * when it was pulled. The PACS makes studies and patients of what it is sent. Where it
 * has erased the image since, or merged its patient with another, an object would bring
 * back what was erased. So the PACS is asked before anything is sent.
 */
#ifndef LESIONSEG_PACS_SOURCE_H
#define LESIONSEG_PACS_SOURCE_H

#include "pacs/work.h"

/*
 * Ask about an image of lesion_pacs_instance. LS_OK: it is there. Otherwise nothing of it
 * may be sent; settled: the image is gone, is of another patient, or is not in the table or no
 * DICOM file, and to ask again does not help. Where not settled, the PACS could not say.
 */
Status		source_check(Work *work, const char *image, bool *settled);

#endif
