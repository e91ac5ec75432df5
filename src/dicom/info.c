/*
 * info.c: see info.h.
 */
#include "dicom/info.h"

#include <stdio.h>
#include <string.h>

#include "dicom/data/charset.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "image/spacing.h"

#define TEXT_MOST 1024			/* bytes of a PatientID or Manufacturer: 64 characters, each with escapes around it */
#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* The attributes that may hold the distance between pixels, the best first. */
static const struct
{
	uint32_t	tag;
	const char *name;
}			spacings[] = {
	{TAG_PixelSpacing, "PixelSpacing"},
	{TAG_ImagerPixelSpacing, "ImagerPixelSpacing"},
	{TAG_NominalScannedPixelSpacing, "NominalScannedPixelSpacing"},
};

/* Read two distances that can be. */
static bool
take_spacing(const DicomSet *set, const DicomElement *element, const char *name, DicomInfo *info)
{
	double		rows;
	double		columns;

	if (!dicom_number(set, element, 0, &rows) || !dicom_number(set, element, 1, &columns) ||
		spacing_check(rows, columns).code != LS_OK)
		return false;
	info->spacing[0] = rows;
	info->spacing[1] = columns;
	info->spacing_from = name;
	return true;
}

static void
read_spacing(const DicomSet *set, DicomInfo *info)
{
	const DicomElement *shared = dicom_find_item(set, NULL, TAG_SharedFunctionalGroups);
	const DicomElement *measures = shared == NULL ? NULL : dicom_find_item(set, shared, TAG_PixelMeasuresSequence);

	if (measures != NULL && take_spacing(set, dicom_find(set, measures, TAG_PixelSpacing), "PixelSpacing", info))
		return;
	for (int i = 0; i < COUNT(spacings); i++)
	{
		if (take_spacing(set, dicom_find(set, NULL, spacings[i].tag), spacings[i].name, info))
			return;
	}
}

static unsigned
days_of(unsigned year, unsigned month)
{
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* Take two digits of a time, and the colon that old files have behind them. */
static bool
take_digits(const char **at, unsigned *value)
{
	const char *c = *at;

	if (c[0] < '0' || c[0] > '9' || c[1] < '0' || c[1] > '9')
		return false;
	*value = (unsigned) (c[0] - '0') * 10 + (unsigned) (c[1] - '0');
	*at = c + 2 + (c[2] == ':');
	return true;
}

/* Make a timestamp of a date (YYYYMMDD) and a time (HHMMSS.FFFFFF, or only its
 * beginning, and perhaps the offset of a time zone, which is left out); false
 * if they are malformed. */
static bool
take_time(const char *date, const char *time, DicomInfo *info)
{
	const char *at = time;
	unsigned	year;
	unsigned	month;
	unsigned	day;
	unsigned	hour = 0;
	unsigned	minute = 0;
	unsigned	second = 0;
	char		fraction[7] = "";

	if (strspn(date, "0123456789") < 8 || sscanf(date, "%4u%2u%2u", &year, &month, &day) != 3)
		return false;
	if (take_digits(&at, &hour) && take_digits(&at, &minute) && take_digits(&at, &second) && *at == '.')
	{
		snprintf(fraction, sizeof fraction, "%.*s", (int) strspn(at + 1, "0123456789"), at + 1);
		at += 1 + strspn(at + 1, "0123456789");
	}
	if (month < 1 || month > 12 || day < 1 || day > days_of(year, month) || hour > 23 ||
		minute > 59 || second > 60 || year == 0 || (*at != '\0' && *at != '+' && *at != '-'))
		return false;
	snprintf(info->acquired_at, sizeof info->acquired_at, "%04u-%02u-%02u %02u:%02u:%02u%s%s", year, month, day, hour,
			 minute, second, fraction[0] == '\0' ? "" : ".", fraction);
	return true;
}

static void
read_time(const DicomSet *set, DicomInfo *info)
{
	static const uint32_t pairs[][2] = {
		{TAG_AcquisitionDate, TAG_AcquisitionTime},
		{TAG_ContentDate, TAG_ContentTime},
		{TAG_StudyDate, TAG_StudyTime},
	};
	char		date[32];
	char		time[32];

	if (dicom_string(dicom_find(set, NULL, TAG_AcquisitionDateTime), 0, date, sizeof date) &&
		take_time(date, strlen(date) > 8 ? date + 8 : "", info))
		return;
	for (int i = 0; i < COUNT(pairs); i++)
	{
		dicom_string(dicom_find(set, NULL, pairs[i][0]), 0, date, sizeof date);
		dicom_string(dicom_find(set, NULL, pairs[i][1]), 0, time, sizeof time);
		if (take_time(date, time, info))
			return;
	}
}

/* Read a text of at most 64 characters, which may be any but 0; *fits: it is such a text. Text is zeroed. */
static Status
read_text(const DicomSet *set, uint32_t tag, char *text, size_t size, bool *fits)
{
	const DicomElement *element = dicom_find(set, NULL, tag);
	ByteBuffer		utf8;
	Status		status;

	*fits = element == NULL || element->length <= TEXT_MOST;
	if (element == NULL || element->length == 0 || !*fits)
		return status_ok();
	buffer_init(&utf8, set->call);
	status = dicom_text_utf8(dicom_find(set, NULL, TAG_SpecificCharacterSet), element, &utf8);
	*fits = utf8.size < size && (utf8.size == 0 || memchr(utf8.bytes, '\0', utf8.size) == NULL);
	if (status.code == LS_OK && utf8.size > 0 && *fits)
		memcpy(text, utf8.bytes, utf8.size);
	buffer_free(&utf8);
	return status;
}

/* Read PatientID. One that cannot be read must not be taken for none. */
static Status
read_patient(const DicomSet *set, DicomInfo *info)
{
	bool		fits;

	TRY(read_text(set, TAG_PatientID, info->patient, sizeof info->patient, &fits));
	return fits ? status_ok() :
		status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM file is broken at (0010,0020): "
									  "PatientID has more than 64 characters, or one of them is 0"),
						 "Store an intact copy of the file.");
}

/* Read Manufacturer; "" where it cannot be read. */
static Status
read_manufacturer(const DicomSet *set, DicomInfo *info)
{
	bool		fits;
	Status		status = read_text(set, TAG_Manufacturer, info->manufacturer, sizeof info->manufacturer, &fits);

	return status.code == LS_UNSUPPORTED ? status_ok() : status;
}

/* Read the number of rows or columns. */
static bool
read_side(const DicomSet *set, uint32_t tag, int *side)
{
	return dicom_integer(set, dicom_find(set, NULL, tag), 0, side) && *side >= 1 && *side <= UINT16_MAX;
}

Status
dicom_info(const DicomSet *set, DicomInfo *info)
{
	memset(info, 0, sizeof *info);
	dicom_string(dicom_find(set, NULL, TAG_SOPClassUID), 0, info->sop_class, sizeof info->sop_class);
	dicom_string(dicom_find(set, NULL, TAG_SOPInstanceUID), 0, info->sop_instance, sizeof info->sop_instance);
	dicom_string(dicom_find(set, NULL, TAG_SeriesInstanceUID), 0, info->series, sizeof info->series);
	dicom_string(dicom_find(set, NULL, TAG_StudyInstanceUID), 0, info->study, sizeof info->study);
	dicom_string(dicom_find(set, NULL, TAG_Modality), 0, info->modality, sizeof info->modality);
	info->transfer_syntax = set->syntax->uid;
	info->has_image = read_side(set, TAG_Rows, &info->height) && read_side(set, TAG_Columns, &info->width);
	if (info->has_image)
	{
		if (!dicom_integer(set, dicom_find(set, NULL, TAG_NumberOfFrames), 0, &info->frames))
			info->frames = 1;
		dicom_string(dicom_find(set, NULL, TAG_PhotometricInterpretation), 0, info->photometric,
					 sizeof info->photometric);
	}
	read_spacing(set, info);
	read_time(set, info);
	TRY(read_manufacturer(set, info));
	return read_patient(set, info);
}
