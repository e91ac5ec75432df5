-- Scores of masks drawn by hand, against figures worked out by hand.
\getenv root PG_ABS_SRCDIR
\set helpers :root '/test/data/failure.sql'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lesionseg;
RESET client_min_messages;
CREATE SCHEMA scores_test;
SET search_path = scores_test, public;
\i :helpers
\set helpers :root '/test/data/drawn_mask.sql'
\i :helpers

-- The first has TP 7, FP 2, FN 2, TN 4.
CREATE TABLE pairs (id int PRIMARY KEY, what text, predicted bytea, truth bytea);
INSERT INTO pairs VALUES
(1, 'overlap', drawn_mask('####. ##### .....'), drawn_mask('.#### .#### .#...')),
(2, 'equal', drawn_mask('##. .#. ...'), drawn_mask('##. .#. ...')),
(3, 'disjoint', drawn_mask('##. ... ...'), drawn_mask('... ... .##')),
(4, 'both empty', drawn_mask('... ...'), drawn_mask('... ...')),
(5, 'both full', drawn_mask('### ###'), drawn_mask('### ###')),
(6, 'predicted empty', drawn_mask('... ...'), drawn_mask('##. ...')),
(7, 'truth empty', drawn_mask('##. ...'), drawn_mask('... ...')),
(8, 'jaccard of 13/20', drawn_mask('################....'), drawn_mask('#############...####')),
(9, 'jaccard of 12/20', drawn_mask('################....'), drawn_mask('############....####'));

SELECT id, what, lesion_dice(predicted, truth), lesion_f1(predicted, truth), lesion_jaccard(predicted, truth),
	lesion_iou(predicted, truth)
FROM pairs ORDER BY id;
SELECT id, m.* FROM pairs, lesion_metrics(predicted, truth) AS m ORDER BY id;

-- The masks' format does not matter: here BMP against PNG, once of 0 and 255,
-- once of 0 and 1. Among several values, lesion is what is above 128.
SELECT lesion_dice(drawn_mask('##.. ##..'),
	'\x89504e470d0a1a0a0000000d49484452000000040000000208000000005ac322bf000000104944415478da63f8ff9f81'
	'810144000017f203fd5a2a096d0000000049454e44ae426082') AS zero_and_255,
	lesion_dice(drawn_mask('##.. ##..'),
	'\x89504e470d0a1a0a0000000d49484452000000040000000208000000005ac322bf0000000f4944415478da6360646460'
	'60001100002200052dbfd06f0000000049454e44ae426082') AS zero_and_one,
	lesion_dice(drawn_mask('..##'),
	'\x89504e470d0a1a0a0000000d4948445200000004000000010800000000dc5750110000000d4944415478da63606868fc'
	'0f0003860201085b28d50000000049454e44ae426082') AS above_128;

-- Another size is read by nearest neighbour, at the truth's size.
SELECT m.true_positive, m.false_positive, m.false_negative, m.true_negative, m.dice
FROM lesion_metrics(drawn_mask('#. ..'), drawn_mask('##.. ##.. ##.. ....')) AS m;
SELECT m.true_positive, m.false_positive, m.false_negative, m.true_negative
FROM lesion_metrics(drawn_mask('###... #.#... ###...'), drawn_mask('#.')) AS m;

-- A row of grey pixels, each value as two hexadecimal digits.
CREATE FUNCTION grey_row(greys text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
	SELECT overlay(black PLACING decode(regexp_replace(greys, '(..)', '\1\1\1', 'g'), 'hex') FROM 55)
	FROM drawn_mask(repeat('.', length(greys) / 2)) AS black
$$;

-- Another shape is no mask of the same image, and a mask of three labels could mean two things.
SELECT f.* FROM failure($$
	SELECT lesion_dice(scores_test.drawn_mask('#... ....'), scores_test.drawn_mask('#. .. .. ..'))$$) AS f;
SELECT f.* FROM failure('SELECT lesion_jaccard(mask, mask) FROM scores_test.grey_row(''000102'') AS mask') AS f;
SELECT lesion_dice(grey_row('004c4c4c20'), drawn_mask('.###.')) AS half_of_the_level;

SELECT lesion_dice(NULL, truth), lesion_dice(truth, NULL), lesion_f1(NULL, truth), lesion_jaccard(truth, NULL),
	lesion_iou(NULL, NULL), lesion_metrics(truth, NULL)
FROM pairs WHERE id = 1;

-- The aggregate: means over images, iou and f1 over all pixels.
SELECT (lesion_score(predicted, truth)).* FROM pairs WHERE id IN (1, 2);
SELECT (lesion_score(predicted, truth)).* FROM pairs;

-- The means are the means of the single figures.
SELECT abs((s).dice - dice) < 1e-14 AS dice, abs((s).jaccard - jaccard) < 1e-14 AS jaccard,
	abs((s).threshold_jaccard - threshold_jaccard) < 1e-14 AS threshold_jaccard,
	abs((s).sensitivity - sensitivity) < 1e-14 AS sensitivity,
	abs((s).specificity - specificity) < 1e-14 AS specificity,
	abs((s).precision - precision) < 1e-14 AS precision, abs((s).accuracy - accuracy) < 1e-14 AS accuracy,
	(s).iou = tp / union_ AS iou, (s).f1 = 2 * tp / (tp + union_) AS f1
FROM (
	SELECT lesion_score(predicted, truth) AS s, avg(m.dice) AS dice, avg(m.jaccard) AS jaccard,
		avg(m.threshold_jaccard) AS threshold_jaccard,
		avg(m.sensitivity) AS sensitivity, avg(m.specificity) AS specificity,
		avg(m.precision) AS precision, avg(m.accuracy) AS accuracy,
		sum(m.true_positive)::float8 AS tp, sum(m.true_positive + m.false_positive + m.false_negative)::float8 AS union_
	FROM pairs, lesion_metrics(predicted, truth) AS m
) AS q;

-- NULL masks are skipped and counted; no images give no figures.
SELECT (s).n, (s).dice, (s).skipped FROM (SELECT lesion_score(p, t) AS s FROM (
	SELECT predicted, truth FROM pairs WHERE id = 2
	UNION ALL SELECT NULL, truth FROM pairs WHERE id = 1
	UNION ALL SELECT predicted, NULL FROM pairs WHERE id = 1
	UNION ALL SELECT NULL, NULL) AS rows (p, t)) AS q;
SELECT (lesion_score(predicted, truth)).* FROM pairs WHERE false;
SELECT id % 2 AS odd, (lesion_score(predicted, truth)).n FROM pairs GROUP BY id % 2 ORDER BY 1;
SELECT id, (lesion_score(predicted, truth) OVER (ORDER BY id)).iou FROM pairs WHERE id <= 3 ORDER BY id;

-- Parallel workers come to exactly the same result as one process.
CREATE TABLE many AS
SELECT seed, a.mask AS predicted, CASE WHEN seed % 50 <> 0 THEN b.mask END AS truth
FROM generate_series(1, 400) AS seed, lesion_synthetic(seed, 48, 48) AS a, lesion_synthetic(seed + 1000, 48, 48) AS b;
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
SELECT lesion_score(predicted, truth) AS serial FROM many \gset
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT lesion_score(predicted, truth) FROM many;
SELECT lesion_score(predicted, truth)::text = :'serial' AS parallel_equals_serial, (:'serial'::lesion_score_result).n,
	(:'serial'::lesion_score_result).skipped FROM many;
SET parallel_leader_participation = off;
SELECT lesion_score(predicted, truth)::text = :'serial' AS without_leader FROM many;
SELECT bool_and(lesion_dice(predicted, truth) BETWEEN 0 AND 1) FROM many;
RESET parallel_leader_participation;

-- Partition-wise, too.
CREATE TABLE parts (LIKE many) PARTITION BY HASH (seed);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT * FROM many;
ANALYZE parts;
SET enable_partitionwise_aggregate = on;
SELECT lesion_score(predicted, truth)::text = :'serial' AS partitions_equal_serial FROM parts;
RESET ALL;
SET search_path = scores_test, public;

-- The state is an array that can be kept and combined later.
SELECT lesion_score_final(lesion_score_combine(
	lesion_score_add('{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}', a.predicted, a.truth),
	lesion_score_add('{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}', b.predicted, b.truth)))
	= (SELECT lesion_score(predicted, truth) FROM pairs WHERE id IN (1, 6)) AS equal
FROM pairs AS a, pairs AS b WHERE a.id = 1 AND b.id = 6;

-- States made by hand are checked.
SELECT s.state, f.state AS sqlstate, f.about, f.hinted FROM unnest(ARRAY[
	'NULL',
	'{}',
	'{1,2}',
	'{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}}',
	'{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,NULL}',
	'{-1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-1}',
	'{0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{1,1,0,0,0,0,4611686018427387904,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{1,1,0,0,0,2,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{2,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{1,9223372036854775807,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{1,9223372036854775807,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	'{1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,9223372036854775807}'
]) WITH ORDINALITY AS s (state, number),
	failure(format('SELECT lesion_score_add(%s, predicted, truth) FROM scores_test.pairs WHERE id = 2',
		CASE s.state WHEN 'NULL' THEN 'NULL' ELSE quote_literal(s.state) END)) AS f ORDER BY number;
SELECT lesion_score_add('{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,9223372036854775807}', NULL, NULL);
SELECT lesion_score_combine('{1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}', '{2}');
SELECT lesion_score_final('{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,5}');
SELECT lesion_score_final('{0,0,0}');

-- What is no mask, or a broken one: the message names the argument.
CREATE TABLE broken (name text PRIMARY KEY, mask bytea);
INSERT INTO broken
SELECT 'empty', ''::bytea
UNION ALL SELECT 'text', convert_to('this is no image', 'UTF8')
UNION ALL SELECT 'cut short', substring(predicted FOR length(predicted) - 20) FROM pairs WHERE id = 1
UNION ALL SELECT 'png cut short', substring(predicted FOR length(predicted) / 2) FROM many WHERE seed = 1
UNION ALL SELECT 'png with a byte changed',
	set_byte(predicted, length(predicted) / 2, 255 - get_byte(predicted, length(predicted) / 2))
	FROM many WHERE seed = 1
UNION ALL SELECT 'png of no width',
	'\x89504e470d0a1a0a0000000d49484452000000000000000508000000004e2db27d0000000b4944415478da6360800000'
	'0008000124fc04720000000049454e44ae426082'
UNION ALL SELECT 'png of 60,000 x 60,000',
	'\x89504e470d0a1a0a0000000d494844520000ea600000ea600800000000a5b92a9e0000000b4944415478da6360800000'
	'0008000124fc04720000001474455874436f6d6d656e7400787878787878787878787878c090046f0000000049454e44ae'
	'426082';

SELECT name, p.state, p.about, p.hinted, t.state, t.about, t.hinted
FROM broken,
	LATERAL failure(format('SELECT lesion_dice(%L::bytea, truth) FROM scores_test.pairs WHERE id = 1', mask)) AS p,
	LATERAL failure(format('SELECT lesion_dice(predicted, %L::bytea) FROM scores_test.pairs WHERE id = 1', mask)) AS t
ORDER BY name COLLATE "C";
SELECT function, name, f.state, f.about
FROM broken, unnest(ARRAY['lesion_f1', 'lesion_iou', 'lesion_jaccard', 'lesion_metrics', 'lesion_score']) AS function,
	LATERAL failure(format('SELECT %I(%L::bytea, truth) FROM scores_test.pairs', function, mask)) AS f
WHERE name IN ('empty', 'cut short') ORDER BY function COLLATE "C", name COLLATE "C";

-- 100,000 scores in one query leave the process as large as it was. (LLVM
-- would be loaded for a query that costly.)
SET jit = off;
CREATE FUNCTION peak_kb() RETURNS int LANGUAGE sql VOLATILE AS $$
	SELECT substring(pg_read_file('/proc/self/status', 0, 4096) FROM 'VmHWM:\s+(\d+)')::int
$$;
SELECT count(lesion_dice(predicted, truth)) FROM many, generate_series(1, 3);
SELECT count(*) FROM generate_series(1, 10), failure('SELECT lesion_dice('''', '''')') AS f WHERE f.state = '22P03';
SELECT count(*) FROM generate_series(1, 100000);
SELECT peak_kb() AS before \gset
SELECT count(lesion_dice(predicted, truth)) FROM pairs, generate_series(1, 100000) WHERE id = 1;
SELECT (lesion_score(predicted, truth)).n FROM pairs, generate_series(1, 20000) WHERE id = 1;
SELECT count(*) FROM generate_series(1, 1000), failure('SELECT lesion_dice('''', '''')') AS f WHERE f.state = '22P03';
SELECT peak_kb() - :before < 4096 AS flat;

SET client_min_messages = warning;
DROP SCHEMA scores_test CASCADE;
