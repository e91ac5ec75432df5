/*
 * jpeg_lossless.c: JPEG process 14 (ISO 10918-1 annex H): each sample is
 * predicted from its neighbours by one of seven rules, and the difference is
 * Huffman coded. libjpeg-turbo does not support it.
 *
 * Scans of one or of all components, restart intervals, point transform and
 * 2 to 16 bits are handled; components of different sizes are not, and no
 * DICOM writer makes them.
 */
#include <string.h>

#include "dicom/pixels/jpeg_stream.h"
#include "dicom/pixels/raster.h"

#define TABLES 4
#define LOOKUP_BITS 9
#define SYMBOLS 17				/* a difference has 0 to 16 bits */
#define POLL_SAMPLES 65536

typedef struct Huffman
{
	bool		defined;
	uint8_t		lengths[1 << LOOKUP_BITS];	/* by the next bits: length of the code; 0 = the code is longer */
	uint8_t		symbols[1 << LOOKUP_BITS];
	int			first_code[17]; /* of each length */
	int			first_index[17];
	int			count[17];
	uint8_t		values[SYMBOLS];
} Huffman;

/* A scan's parameters. */
typedef struct Scan
{
	int			components;
	int			component[JPEG_COMPONENTS_MAX]; /* indices of the frame's components */
	const Huffman *table[JPEG_COMPONENTS_MAX];
	int			predictor;
	int			transform;		/* low bits that were cut off */
} Scan;

typedef struct Decoder
{
	const Call *call;
	const uint8_t *bytes;
	size_t		size;
	size_t		at;
	JpegStream	stream;
	Huffman		tables[TABLES];
	unsigned	restart;		/* pixels between two restart markers; 0 = none */
	unsigned	seen;			/* components that a scan has held, a bit each */
	uint32_t	bits;			/* read ahead, the next one highest */
	int			bit_count;
	int			missing;		/* zero bits made up after the end of the data */
	const Raster *raster;
	uint8_t    *out;
} Decoder;

static Status
lossless_broken(const char *reason)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM image's lossless JPEG stream is broken: %s",
										 reason),
							"Store an intact copy of the file.");
}

/* Build a table's look-up from its counts and values. */
static Status
build_table(Huffman *table)
{
	int			code = 0;
	int			index = 0;

	memset(table->lengths, 0, sizeof table->lengths);
	for (int length = 1; length <= 16; length++)
	{
		table->first_code[length] = code;
		table->first_index[length] = index;
		if (code + table->count[length] > 1 << length)
			return lossless_broken("a Huffman table has more codes than fit");
		for (int i = 0; length <= LOOKUP_BITS && i < table->count[length]; i++)
		{
			int			start = (code + i) << (LOOKUP_BITS - length);

			memset(table->lengths + start, length, (size_t) 1 << (LOOKUP_BITS - length));
			memset(table->symbols + start, table->values[index + i], (size_t) 1 << (LOOKUP_BITS - length));
		}
		code = (code + table->count[length]) << 1;
		index += table->count[length];
	}
	table->defined = true;
	return status_ok();
}

/* Read a segment of Huffman tables. */
static Status
read_tables(Decoder *decoder, const uint8_t *segment, size_t length)
{
	while (length >= 17)
	{
		unsigned	number = segment[0];
		Huffman    *table;
		int			total = 0;

		if (number >= TABLES)
			return lossless_broken("a Huffman table's number is not 0 to 3");
		table = &decoder->tables[number];
		for (int i = 1; i <= 16; i++)
		{
			table->count[i] = segment[i];
			total += segment[i];
		}
		if (total > SYMBOLS || (size_t) total > length - 17)
			return lossless_broken("a Huffman table has more than 17 codes");
		for (int i = 0; i < total; i++)
		{
			table->values[i] = segment[17 + i];
			if (table->values[i] >= SYMBOLS)
				return lossless_broken("a Huffman table has a difference of more than 16 bits");
		}
		TRY(build_table(table));
		segment += 17 + total;
		length -= 17 + (size_t) total;
	}
	return length == 0 ? status_ok() : lossless_broken("a segment of Huffman tables is too short");
}

/* Fill the read-ahead up to 25 bits. A marker ends the data; after it, zero
 * bits are made up and counted. */
static void
fill_bits(Decoder *decoder)
{
	while (decoder->bit_count <= 24)
	{
		unsigned	byte = 0;

		if (decoder->at >= decoder->size ||
			(decoder->bytes[decoder->at] == 0xFF &&
			 (decoder->size - decoder->at < 2 || decoder->bytes[decoder->at + 1] != 0)))
			decoder->missing += 8;
		else
		{
			byte = decoder->bytes[decoder->at];
			decoder->at += byte == 0xFF ? 2 : 1;
		}
		decoder->bits |= (uint32_t) byte << (24 - decoder->bit_count);
		decoder->bit_count += 8;
	}
}

static inline unsigned
take_bits(Decoder *decoder, int count)
{
	unsigned	value = decoder->bits >> (32 - count);

	decoder->bits <<= count;
	decoder->bit_count -= count;
	return value;
}

/* Decode a symbol whose code is longer than the look-up; -1 for an unknown
 * code. */
static int
long_symbol(Decoder *decoder, const Huffman *table)
{
	for (int length = LOOKUP_BITS + 1; length <= 16; length++)
	{
		int			code = (int) (decoder->bits >> (32 - length));
		int			offset = code - table->first_code[length];

		if (offset >= 0 && offset < table->count[length])
		{
			take_bits(decoder, length);
			return table->values[table->first_index[length] + offset];
		}
	}
	return -1;
}

/* Decode one difference. */
static inline bool
read_difference(Decoder *decoder, const Huffman *table, int *difference)
{
	unsigned	next;
	int			size;
	unsigned	value;

	fill_bits(decoder);
	next = decoder->bits >> (32 - LOOKUP_BITS);
	if (table->lengths[next] > 0)
	{
		size = table->symbols[next];
		take_bits(decoder, table->lengths[next]);
	}
	else
		size = long_symbol(decoder, table);
	*difference = size == 16 ? 32768 : 0;
	if (size <= 0 || size == 16)
		return size >= 0;
	fill_bits(decoder);
	value = take_bits(decoder, size);
	*difference = value >> (size - 1) != 0 ? (int) value : (int) value - (1 << size) + 1;
	return true;
}

static inline int
get_sample(const Raster *raster, const uint8_t *at)
{
	return raster->sample_bytes == 1 ? at[0] : at[0] | at[1] << 8;
}

static inline void
put_sample(const Raster *raster, uint8_t *at, unsigned value)
{
	at[0] = (uint8_t) value;
	if (raster->sample_bytes == 2)
		at[1] = (uint8_t) (value >> 8);
}

/* Predict from the samples on the left (a), above (b) and above left (c):
 * table H.1. */
static inline int
predict_sample(int predictor, int a, int b, int c)
{
	switch (predictor)
	{
		case 1:
			return a;
		case 2:
			return b;
		case 3:
			return c;
		case 4:
			return a + b - c;
		case 5:
			return a + ((b - c) >> 1);
		case 6:
			return b + ((a - c) >> 1);
		default:
			return (a + b) >> 1;
	}
}

/* Decode the sample at (x, y) of component i of the scan. `fresh`: the row
 * above may not be used; `first`: nor may the sample to the left. */
static inline bool
decode_sample(Decoder *decoder, const Scan *scan, int i, int x, int y, bool fresh, bool first)
{
	const Raster *raster = decoder->raster;
	uint8_t    *at = decoder->out + (size_t) y * raster->row_step + (size_t) x * raster->pixel_step +
		(size_t) scan->component[i] * raster->sample_step;
	int			shift = scan->transform;
	int			prediction;
	int			difference;

	if (!read_difference(decoder, scan->table[i], &difference))
		return false;
	if (first)
		prediction = 1 << (decoder->stream.precision - shift - 1);
	else if (fresh)
		prediction = get_sample(raster, at - raster->pixel_step) >> shift;
	else if (x == 0)
		prediction = get_sample(raster, at - raster->row_step) >> shift;
	else
		prediction = predict_sample(scan->predictor, get_sample(raster, at - raster->pixel_step) >> shift,
									get_sample(raster, at - raster->row_step) >> shift,
									get_sample(raster, at - raster->row_step - raster->pixel_step) >> shift);
	put_sample(raster, at, ((unsigned) (prediction + difference) & 0xFFFF) << shift);
	return true;
}

/* Read a restart marker and start afresh. */
static Status
read_restart(Decoder *decoder)
{
	decoder->bits = 0;
	decoder->bit_count = 0;
	decoder->missing = 0;
	while (decoder->size - decoder->at >= 2 && decoder->bytes[decoder->at] == 0xFF &&
		   decoder->bytes[decoder->at + 1] == 0xFF)
		decoder->at++;
	if (decoder->size - decoder->at < 2 || decoder->bytes[decoder->at] != 0xFF ||
		decoder->bytes[decoder->at + 1] < 0xD0 || decoder->bytes[decoder->at + 1] > 0xD7)
		return lossless_broken("a restart marker is missing");
	decoder->at += 2;
	return status_ok();
}

/* Decode all samples of a scan. */
static Status
decode_scan(Decoder *decoder, const Scan *scan)
{
	const Raster *raster = decoder->raster;
	unsigned	until_restart = decoder->restart;
	long		until_poll = 0;
	bool		first = true;	/* the first sample of an interval */
	int			fresh_row = 0;	/* the interval's first row */

	decoder->bits = 0;
	decoder->bit_count = 0;
	decoder->missing = 0;
	for (int y = 0; y < raster->height; y++)
	{
		until_poll -= raster->width;
		if (until_poll <= 0)
		{
			TRY(call_poll(decoder->call));
			until_poll = POLL_SAMPLES;
		}
		for (int x = 0; x < raster->width; x++)
		{
			if (decoder->restart > 0 && until_restart == 0)
			{
				TRY(read_restart(decoder));
				until_restart = decoder->restart;
				first = true;
				fresh_row = y;
			}
			until_restart--;
			for (int i = 0; i < scan->components; i++)
			{
				if (!decode_sample(decoder, scan, i, x, y, y == fresh_row, first))
					return lossless_broken("it has a code that no table holds");
			}
			if (decoder->missing > decoder->bit_count)
				return lossless_broken("it ends too early");
			first = false;
		}
	}
	/* What is left in the read-ahead is padding or made-up bits. */
	return status_ok();
}

/* Read a scan's header. */
static Status
read_scan_header(Decoder *decoder, const uint8_t *segment, size_t length, Scan *scan)
{
	const JpegStream *stream = &decoder->stream;

	memset(scan, 0, sizeof *scan);
	scan->components = length < 1 ? 0 : segment[0];
	if (scan->components < 1 || scan->components > stream->components || length < 4 + 2 * (size_t) scan->components)
		return lossless_broken("a scan's header makes no sense");
	for (int i = 0; i < scan->components; i++)
	{
		int			number = 0;
		unsigned	table = segment[2 + 2 * i] >> 4;

		while (number < stream->components && stream->component[number].id != segment[1 + 2 * i])
			number++;
		if (number == stream->components || table >= TABLES || !decoder->tables[table].defined)
			return lossless_broken("a scan names a component or a table that is not there");
		scan->component[i] = number;
		scan->table[i] = &decoder->tables[table];
		decoder->seen |= 1u << number;
	}
	segment += 1 + 2 * scan->components;
	scan->predictor = segment[0];
	scan->transform = segment[2] & 15;
	if (scan->predictor < 1 || scan->predictor > 7 || scan->transform >= stream->precision)
		return lossless_broken("a scan's predictor is not 1 to 7");
	return status_ok();
}

/* Read the segments after the frame header, up to the last scan. */
static Status
decode_segments(Decoder *decoder)
{
	unsigned	all = (1u << decoder->stream.components) - 1;

	while (decoder->seen != all)
	{
		unsigned	marker;
		size_t		length;
		const uint8_t *segment;
		Scan		scan;

		while (decoder->size - decoder->at >= 4 &&
			   (decoder->bytes[decoder->at] != 0xFF || decoder->bytes[decoder->at + 1] == 0xFF ||
				decoder->bytes[decoder->at + 1] == 0))
			decoder->at++;
		if (decoder->size - decoder->at < 4)
			return lossless_broken("it ends too early");
		marker = decoder->bytes[decoder->at + 1];
		length = (size_t) decoder->bytes[decoder->at + 2] << 8 | decoder->bytes[decoder->at + 3];
		if (length < 2 || length > decoder->size - decoder->at - 2)
			return lossless_broken("it ends too early");
		segment = decoder->bytes + decoder->at + 4;
		decoder->at += 2 + length;
		length -= 2;
		if (marker == 0xC4)
			TRY(read_tables(decoder, segment, length));
		else if (marker == 0xDD && length >= 2)
			decoder->restart = (unsigned) (segment[0] << 8 | segment[1]);
		else if (marker == 0xDA)
		{
			TRY(read_scan_header(decoder, segment, length, &scan));
			TRY(decode_scan(decoder, &scan));
		}
	}
	return status_ok();
}

/* Huffman tables may stand before the frame header too. */
static Status
read_early_tables(Decoder *decoder)
{
	size_t		end = decoder->stream.after_frame;
	size_t		at = 2;

	while (at + 4 <= end)
	{
		size_t		length = (size_t) decoder->bytes[at + 2] << 8 | decoder->bytes[at + 3];

		if (decoder->bytes[at + 1] == 0xFF)
		{
			at++;
			continue;
		}
		if (decoder->bytes[at + 1] == 0xC4)
			TRY(read_tables(decoder, decoder->bytes + at + 4, length - 2));
		if (decoder->bytes[at + 1] == 0xDD && length >= 4)
			decoder->restart = (unsigned) (decoder->bytes[at + 4] << 8 | decoder->bytes[at + 5]);
		at += 2 + length;
	}
	return status_ok();
}

/* Decode with the caller's decoder. */
static Status
decode_stream(Decoder *decoder, const DicomPixels *pixels, Raster *raster)
{
	const JpegStream *stream = &decoder->stream;

	if (stream->process != 3)
		return lossless_broken("its coding is not process 14");
	if (stream->width != pixels->width || stream->height != pixels->height || stream->components != pixels->samples)
		return lossless_broken("its size or its components are not those of the data set");
	if (stream->precision < 2 || stream->precision > 16)
		return lossless_broken("its samples have not 2 to 16 bits");
	for (int i = 0; i < stream->components; i++)
	{
		if (stream->component[i].horizontal != stream->component[0].horizontal ||
			stream->component[i].vertical != stream->component[0].vertical)
			return dicom_unsupported("lossless JPEG with components of different sizes");
	}
	TRY(raster_create(decoder->call, pixels, stream->precision > 8 ? 2 : 1, raster, &decoder->out));
	raster_set_precision(raster, stream->precision);
	if (stream->components == 3)
		raster->photometric = jpeg_stream_is_ybr(stream, pixels->photometric) ? PHOTOMETRIC_YBR_FULL : PHOTOMETRIC_RGB;
	decoder->raster = raster;
	decoder->at = stream->after_frame;
	TRY(read_early_tables(decoder));
	return decode_segments(decoder);
}

Status
jpeg_lossless_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
					 Raster *raster)
{
	Decoder    *decoder;
	void	   *memory;
	Status		status;

	memset(raster, 0, sizeof *raster);
	TRY(call_alloc_array(call, 1, sizeof(Decoder), &memory));
	decoder = memory;
	decoder->call = call;
	decoder->bytes = bytes;
	decoder->size = size;
	status = jpeg_stream_read(bytes, size, &decoder->stream);
	if (status.code == LS_OK)
		status = decode_stream(decoder, pixels, raster);
	call_free(call, memory);
	if (status.code != LS_OK)
		raster_free(call, raster);
	return status;
}
