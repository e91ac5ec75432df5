-- Verdicts on masks: given, queued, and handed to training.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(110);

CREATE TABLE archive AS
SELECT seed::int AS id, s.image, s.mask FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE TABLE masks (LIKE lesion_prediction);
CREATE TABLE verdicts (LIKE lesion_verdict);
INSERT INTO archive VALUES (13, 'no image', NULL);
CALL lesion_predict('archive', 'convmixer', 'masks');
SELECT is((SELECT count(mask) FROM masks), 12::bigint, 'masks to judge');

-- What may be said.
SELECT is((SELECT v.decided_by || ' ' || v.model || ' ' || v.version || ' ' || v.images || ' ' || (v.decided_at > now())
	FROM lesion_verdict_add('verdicts', 'masks', '1', 'accept') v), current_user || ' convmixer 0 public.archive true',
	'who, what and when are filled in');
SELECT is((SELECT mask_sha256 FROM verdicts WHERE id = '1'), (SELECT sha256(mask) FROM masks WHERE id = '1'),
	'... and which mask');
SELECT lesion_verdict_add('verdicts', 'masks', '2', 'correct', 'too wide', (SELECT mask FROM archive WHERE id = 2));
SELECT lesion_verdict_add('verdicts', 'masks', '3', 'reject', 'hair',
	mask_sha256 => (SELECT sha256(mask) FROM masks WHERE id = '3'));
SELECT throws_ok(
	$$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'reject', mask_sha256 => sha256('the one before'))$$, '55000',
	'the latest mask of image "4" is not the one that was looked at', 'a mask that nobody looked at');
SELECT lesion_verdict_add('verdicts', 'masks', '13', 'reject', 'no photograph');
SELECT is((SELECT mask_sha256 FROM verdicts WHERE id = '13'), NULL, 'an image without a mask is rejected');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '13', 'accept')$$, '22023',
	'image "13" has no mask to accept', 'what is not there cannot be accepted');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'maybe')$$, '22023',
	'verdict "maybe" does not exist', 'a verdict that is none');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'correct')$$, '22023',
	'verdict "correct" needs a corrected_mask', 'a correction without a mask');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'accept', NULL, 'x')$$, '22023',
	'verdict "accept" has no corrected_mask', 'a mask without a correction');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'correct', NULL, 'x')$$, '22P03', NULL,
	'a corrected mask that is no image');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'correct', NULL,
	(lesion_synthetic(1, 40, 48)).mask)$$, '22023', NULL, 'a corrected mask of another shape');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '99', 'accept')$$, 'P0002',
	'public.masks has no mask of an image "99"', 'an image that was not segmented');
SELECT throws_ok($$SELECT lesion_verdict_add('masks', 'masks', '4', 'accept')$$, '42809',
	'public.masks is not a table of verdicts', 'a table of something else');
CREATE TABLE other AS SELECT * FROM archive WHERE id = 4;
ALTER TABLE other ADD PRIMARY KEY (id);
CALL lesion_predict('other', 'convmixer', 'masks');
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '4', 'accept')$$, '21000', NULL,
	'images of two tables under one id');
SELECT is((SELECT v.images FROM lesion_verdict_add('verdicts', 'masks', '4', 'accept', images => 'public.other') v),
	'public.other', '... are told apart by the table');

-- What to look at next.
SELECT is((SELECT count(*) FROM lesion_review_queue('masks')), 14::bigint, 'all of it, where there are no verdicts');
SELECT set_eq($$SELECT images || id FROM lesion_review_queue('masks', 'verdicts')$$,
	$$SELECT 'public.archive' || i FROM generate_series(4, 12) i$$, 'what has no verdict yet');
SELECT is((SELECT array_agg(id ORDER BY rank) FROM lesion_review_queue('masks', 'verdicts')),
	(SELECT array_agg(id ORDER BY predicted_dice, id) FROM lesion_review_queue('masks', 'verdicts')),
	'the lowest predicted Dice first');
SELECT is((SELECT id FROM lesion_review_queue('masks') WHERE rank = 1), '13',
	'before all, what could not be segmented');

-- A second opinion: older masks of another model, one of them of another lesion.
CREATE TABLE two (LIKE lesion_prediction);
INSERT INTO two SELECT * FROM masks WHERE images = 'public.archive' AND mask IS NOT NULL;
UPDATE two SET model = 'second', predicted_at = predicted_at - interval '1 day',
	mask = CASE id WHEN '7' THEN (lesion_synthetic(99, 48, 40)).mask ELSE mask END;
INSERT INTO two SELECT * FROM masks WHERE images = 'public.archive' AND mask IS NOT NULL;
SELECT is((SELECT array_agg(DISTINCT model) FROM lesion_review_queue('two')), '{convmixer}',
	'the latest mask is judged');
SELECT is((SELECT id FROM lesion_review_queue('two') WHERE rank = 1), '7',
	'a mask on which two models differ comes first');
SELECT is((SELECT round(disagreement::numeric, 9) FROM lesion_review_queue('two') WHERE id = '7'),
	(SELECT round(1 - lesion_dice(m.mask, t.mask)::numeric, 9) FROM masks m JOIN two t USING (images, id)
	WHERE id = '7' AND t.model = 'second'), '... by 1 - Dice of their masks');
SELECT is((SELECT array_agg(DISTINCT disagreement) FROM lesion_review_queue('two') WHERE id <> '7'), '{0}',
	'... and where they agree, nothing is added');
UPDATE two SET predicted_dice = 0.9,
	area = CASE id WHEN '4' THEN 0.01 WHEN '5' THEN 7 WHEN '6' THEN 0.0001 ELSE 0.3 END;
SELECT is((SELECT array_agg(id ORDER BY rank) FROM lesion_review_queue('two') WHERE rank BETWEEN 2 AND 4), '{6,4,1}',
	'of masks on which models agree, the smaller lesion comes sooner');
SELECT is((SELECT array_agg(round(priority::numeric, 9) ORDER BY id) FROM lesion_review_queue('two')
	WHERE id IN ('4', '5', '6', '8')), (SELECT array_agg(round(0.1 - 0.02 * ln(a), 9) ORDER BY n)
	FROM unnest('{0.01,1,0.001,0.3}'::numeric[]) WITH ORDINALITY AS u (a, n)),
	'... by 0.02 for each e-fold, down to a thousandth; an area that is none adds nothing');
UPDATE two SET mask = 'no mask' WHERE model = 'second' AND id = '7';
UPDATE two SET image_sha256 = sha256('another') WHERE model = 'second' AND id = '8';
SELECT is((SELECT array_agg(disagreement) FROM lesion_review_queue('two') WHERE id IN ('7', '8')), '{NULL,NULL}',
	'what is no mask, or of another image under this key, is no opinion');
UPDATE two SET model = 'convmixer' WHERE model = 'second';
SELECT is((SELECT count(disagreement) FROM lesion_review_queue('two')), 0::bigint,
	'an older mask of the same model is none');
SELECT is((SELECT array_agg(DISTINCT round(priority::numeric, 9)) FROM lesion_review_queue('two')), '{0.1}'::numeric[],
	'... and without an opinion the size of a lesion does not count');

INSERT INTO two (images, id, model, version, error, needs_review, predicted_at)
VALUES ('public.archive', 'long', 'm', 1, repeat('e', 1000000), true, now()),
	('public.archive', repeat('i', 10000), 'm', 1, 'e', true, now());
INSERT INTO two (images, id, model, version, error, needs_review, predicted_at, predicted_by)
VALUES ('public.archive', 'of nobody', 'm', 1, 'e', true, now(), repeat('a', 1000));
SELECT results_eq($$SELECT id, length(error) FROM lesion_review_queue('two') WHERE error IS NOT NULL$$,
	$$VALUES ('long', 1000)$$, 'names of 10,000 bytes are nobody''s, an author''s of 1,000 neither, an error is cut');
SELECT is((SELECT sum(errors)::int FROM lesion_drift('two', true) WHERE model = 'm'), 1, '... nor do they drift');
INSERT INTO verdicts (images, id, verdict, model, version, decided_at)
VALUES ('public.archive', repeat('i', 10000), 'reject', 'm', 1, now());
SELECT unalike(lesion_report(predictions => '{two}', verdicts => 'verdicts'), '%' || repeat('i', 100) || '%',
	'... nor do they fill a report');
DELETE FROM verdicts WHERE length(id) = 10000;

-- Rows that nobody but a hand writes, and that take a gigabyte to read: who reads masks or verdicts does not see them.
CREATE FUNCTION everything() RETURNS TABLE (what text, said text) LANGUAGE sql AS $$
	SELECT 'report', lesion_report(predictions => '{two}', verdicts => 'verdicts', pictures => 0)
	UNION ALL SELECT 'queue', string_agg(q::text, E'\n') FROM lesion_review_queue('two', 'verdicts') q
	UNION ALL SELECT 'drift', string_agg(d::text, E'\n') FROM lesion_drift('two', true) d
	UNION ALL SELECT 'reviewed', string_agg(r::text, E'\n') FROM lesion_reviewed_masks('two', 'verdicts') r $$;
CREATE TABLE before_hand AS SELECT * FROM everything();
CREATE TABLE by_hand (LIKE two);
INSERT INTO by_hand SELECT (jsonb_populate_record(t, to_jsonb(h))).* FROM two AS t,
	(VALUES (repeat('i', 10000), '1', 'convmixer', 'me'), ('public.archive', repeat('i', 10000), 'convmixer', 'me'),
	('public.archive', '1', repeat('m', 10000), 'me'), ('public.archive', '1', 'convmixer', repeat('a', 1000)))
	AS h (images, id, model, predicted_by) WHERE t.id = '3' AND t.model <> 'm';
SELECT cmp_ok((SELECT count(*) FROM by_hand), '>=', 4::bigint, 'rows by hand');
INSERT INTO two SELECT * FROM by_hand;
INSERT INTO verdicts (images, id, verdict, model, version, decided_at, decided_by, mask_sha256)
SELECT h.*, '\x00' FROM (VALUES (repeat('i', 10000), '1', 'reject', 'convmixer', 1, now(), 'me'),
	('public.archive', repeat('i', 10000), 'reject', 'convmixer', 1, now(), 'me'),
	('public.archive', '1', 'reject', repeat('m', 10000), 1, now(), 'me'),
	('public.archive', '1', 'reject', 'convmixer', 1, now(), repeat('a', 1000))) AS h
UNION ALL SELECT 'public.archive', '1', 'reject', 'convmixer', 1, now(), 'me', decode(repeat('00', 33), 'hex');
SELECT is((SELECT string_agg(what, ', ') FROM before_hand b JOIN everything() e USING (what)
	WHERE e.said IS DISTINCT FROM b.said), NULL, '... change nothing');

-- Digests and masks keep a row from those that read them.
SET LOCAL lesionseg.max_memory = '16MB';
UPDATE by_hand SET images = 'public.archive', id = 'by hand', model = 'convmixer', needs_review = true,
	predicted_by = 'me';
INSERT INTO two SELECT (jsonb_populate_record(h, jsonb_build_object('image_sha256', '\x' || repeat('00', 33)))).*
FROM by_hand AS h WHERE ctid = (SELECT min(ctid) FROM by_hand);
UPDATE by_hand SET mask = decode(repeat('00', 16 * 1024 * 1024 + 1), 'hex');
INSERT INTO two SELECT * FROM by_hand LIMIT 1;
INSERT INTO verdicts (images, id, verdict, corrected_mask, model, version, decided_at, decided_by)
SELECT images, '1', 'correct', mask, model, version, now(), 'me' FROM by_hand LIMIT 1;
SELECT is((SELECT count(*) FROM lesion_review_queue('two', 'verdicts') WHERE id = 'by hand'), 0::bigint,
	'... the queue');
SELECT is((SELECT string_agg(r::text, E'\n') FROM lesion_reviewed_masks('two', 'verdicts') r),
	(SELECT said FROM before_hand WHERE what = 'reviewed'), '... reviewed masks');
INSERT INTO two SELECT (jsonb_populate_record(t, jsonb_build_object('weights_sha256', '\x' || repeat('00', 33),
	'predicted_by', 'me'))).* FROM two AS t WHERE t.id = '3' AND t.model <> 'm';
SELECT unalike(lesion_report(predictions => '{two}', verdicts => 'verdicts', pictures => 0), '%>me<%',
	'... and the report');
RESET lesionseg.max_memory;
DELETE FROM two WHERE predicted_by IN ('me', repeat('a', 1000));
DELETE FROM verdicts WHERE decided_by IN ('me', repeat('a', 1000));

-- What people stand behind.
SELECT results_eq($$SELECT id, verdict FROM lesion_reviewed_masks('masks', 'verdicts') WHERE images = 'public.archive'
	ORDER BY id$$, $$VALUES ('1', 'accept'), ('2', 'correct')$$, 'accepted and corrected ones alone');
SELECT is((SELECT array_agg(r.mask ORDER BY r.id) FROM lesion_reviewed_masks('masks', 'verdicts') r
	WHERE images = 'public.archive'),
	ARRAY[(SELECT mask FROM masks WHERE id = '1'), (SELECT mask FROM archive WHERE id = 2)], 'with their masks');
SELECT lesion_verdict_add('verdicts', 'masks', '1', 'reject', 'on second thoughts');
SELECT is((SELECT count(*) FROM lesion_reviewed_masks('masks', 'verdicts') WHERE id = '1'), 0::bigint,
	'the latest verdict counts');
SELECT lesion_verdict_add('verdicts', 'masks', i::text, 'correct', NULL, (SELECT mask FROM archive WHERE id = i))
FROM generate_series(5, 12) i;
CREATE MATERIALIZED VIEW reviewed AS
SELECT a.id, a.image, r.mask FROM archive a JOIN lesion_reviewed_masks('masks', 'verdicts') r
ON r.images = 'public.archive' AND r.id = a.id::text;
SELECT is((SELECT training_images + validation_images + test_images FROM lesion_train('reviewed', 'mine', epochs => 1,
	architecture => 'unet', config => '{"base": 4, "depth": 2}', image_size => 32, id_column => 'id')), 9,
	'corrections train a model');

-- Another mask of the same image waits anew; rights are the caller's.
UPDATE masks SET mask = (SELECT mask FROM archive WHERE id = 1) WHERE id = '3';
SELECT is((SELECT count(*) FROM lesion_review_queue('masks', 'verdicts') WHERE id = '3'), 1::bigint,
	'a verdict is about one mask');
CREATE ROLE lesion_test_reviewer;
GRANT SELECT ON masks TO lesion_test_reviewer;
SET LOCAL ROLE lesion_test_reviewer;
SELECT throws_ok($$SELECT lesion_verdict_add('verdicts', 'masks', '1', 'accept')$$, '42501', NULL,
	'a role that may not give verdicts');
RESET ROLE;
GRANT INSERT, SELECT ON verdicts TO lesion_test_reviewer;
SET LOCAL ROLE lesion_test_reviewer;
SELECT is((SELECT decided_by FROM lesion_verdict_add('verdicts', 'masks', '1', 'accept')), 'lesion_test_reviewer',
	'a verdict is its giver''s');

RESET ROLE;

-- A verdict that somebody dated is not the latest for good.
INSERT INTO verdicts (images, id, verdict, decided_at)
SELECT 'public.archive', '12', 'reject', at
FROM unnest(ARRAY['infinity', NULL, now() + interval '1 hour']::timestamptz[]) AS at;
SELECT is((SELECT verdict FROM lesion_reviewed_masks('masks', 'verdicts')
	WHERE (images, id) = ('public.archive', '12')),
	'correct', 'times to come, and none, do not count');

-- Rows that somebody wrote by hand are in nobody's way.
CREATE TABLE bad_masks (LIKE lesion_prediction);
CREATE TABLE bad_verdicts (LIKE lesion_verdict);
INSERT INTO bad_masks (images, id, model, version, area, confidence, quality, predicted_dice, disagreement,
	needs_review, mask, predicted_at)
SELECT 'public.archive', f.n::text, 'net', 1, f.figure, f.figure, f.figure, f.figure, -f.figure, true, 'no image', t.at
FROM unnest('{0.5,1e300,-1e300,NaN,Infinity,-Infinity,1.7976931348623157e308}'::float8[])
	WITH ORDINALITY AS f (figure, n),
	unnest(ARRAY[now() - interval '1 day', '-infinity', 'infinity', '4714-11-24 00:00:00+00 BC',
		'294276-12-31 23:59:59+00']::timestamptz[]) AS t (at);
INSERT INTO bad_verdicts (images, id, verdict, corrected_mask, mask_sha256, model, version, decided_at)
SELECT images, id, 'correct', (SELECT mask FROM archive LIMIT 1), sha256(mask), model, version, predicted_at
FROM bad_masks;
SELECT lives_ok($$SELECT * FROM lesion_drift('bad_masks', true)$$, 'drift of any figures at any time');
SELECT is((SELECT sum(invalid) FROM lesion_drift('bad_masks', true)), 30::numeric, '... of which those are counted');
SELECT is((SELECT array_agg(DISTINCT area) FROM lesion_drift('bad_masks', true)), '{0.5}'::float8[],
	'... and left out of means');
SELECT is((SELECT count(*) FROM lesion_review_queue('bad_masks')), 7::bigint, 'they are in the queue');
SELECT is((SELECT max(priority) FROM lesion_review_queue('bad_masks')), 1::float8,
	'... and no figure weighs more than 1');
SELECT lives_ok($$SELECT lesion_report(predictions => '{bad_masks}', verdicts => 'bad_verdicts')$$,
	'... and in the report, without a Dice against corrections where there is none');
CREATE TABLE tiny_masks (LIKE lesion_prediction);
INSERT INTO tiny_masks (images, id, model, version, area, confidence, quality, predicted_dice, disagreement,
	predicted_at)
SELECT 'public.archive', n::text, 'net', 1, f, f, f, f, f, now() - interval '1 week' * (n % 3)
FROM unnest('{1e-200,4.9e-324,1e-100,1.6e-162,0,1e-160,1e-310,2.3e-308,1e-99}'::float8[]) WITH ORDINALITY AS f (f, n);
SELECT lives_ok($$SELECT * FROM lesion_drift('tiny_masks', true)$$, 'drift of figures whose squares are no numbers');
SELECT is((SELECT array_agg(area_shift ORDER BY week) FROM lesion_drift('tiny_masks', true)),
	'{NULL,NULL,NULL}'::float8[], '... which are as good as 0');
SELECT lives_ok($$SELECT * FROM lesion_review_queue('tiny_masks')$$, '... in the queue');
SELECT lives_ok($$SELECT lesion_report(predictions => '{tiny_masks}')$$, '... in the report');

-- Masks whose comparison takes long are not compared: anyone who may write a row could make the queue slow for all.
CREATE FUNCTION pg_temp.black(width text) RETURNS bytea LANGUAGE sql AS $$
SELECT decode('424d00000000000000003e00000028000000' || width || 'a00f000001000100' || repeat('00', 24)
	|| '00000000ffffff00' || repeat('00', 516 * 4000), 'hex')$$;
CREATE TABLE large_masks (LIKE lesion_prediction);
CREATE TABLE large_verdicts (LIKE lesion_verdict);
INSERT INTO large_masks (images, id, model, version, mask, image_sha256, predicted_at)
SELECT 'x', n, m, CASE n WHEN 'allowed' THEN 1 ELSE 2 END,
	pg_temp.black(CASE n WHEN 'allowed' THEN 'a00f0000' ELSE 'a10f0000' END), 'same', now()
FROM unnest('{allowed,large}'::text[]) AS n, unnest('{one,two}'::text[]) AS m;
SELECT is((SELECT array_agg(w ORDER BY w) FROM (SELECT (lesion_image_info(mask)).width AS w FROM large_masks) i),
	'{4000,4000,4001,4001}', 'masks of 16 megapixels and of a little more');
INSERT INTO large_verdicts (images, id, verdict, corrected_mask, mask_sha256, model, version, decided_at)
SELECT images, id, 'correct', mask, sha256(mask), model, version, now() - interval '1 day' FROM large_masks;
SELECT results_eq($$SELECT id, disagreement FROM lesion_review_queue('large_masks') ORDER BY id$$,
	$$VALUES ('allowed', 0::float8), ('large', NULL)$$, 'the larger ones have no second opinion');
SELECT is((SELECT array_agg(a[1] || ' ' || a[2] ORDER BY a) FROM regexp_matches(page,
	'>one</th><td[^>]*>([12])</td>' || repeat('<td[^>]*>[^<]*</td>', 5) || '<td[^>]*>([^<]*)</td>', 'g') AS a),
	'{"1 1.000","2 &ndash;"}', '... and no agreement with their correction')
FROM lesion_report(predictions => '{large_masks}', verdicts => 'large_verdicts') AS page;
SELECT is(current_setting('lesionseg.max_pixels'), '100000000', 'the setting is as it was');

-- Nor is more compared in a call than it has time for, however many masks there are. A header counts as its image.
SELECT is(lesion_image_work(h || x), n::bigint, 'the work of ' || f.name)
FROM lesion_synthetic(1, 16, 16) AS m, LATERAL (VALUES
	('a bit of 16 megapixels',
		'\x89504e470d0a1a0a0000000d4948445200000fa000000fa00100000000c604deaf0000000149444154'::bytea,
		''::bytea, 16000000),
	('16 bits with alpha', '\x89504e470d0a1a0a0000000d4948445200000fa000000fa01006000000beef3f410000000149444154', '',
		32 * 16000000),
	('a JPEG', decode('' ||
		'ffd8ffe000104a46494600010100000100010000ffdb004300ffffffffffffffffffffffffffffffffffffffffffffffffff'
		|| 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc0000b0803e803e80101'
		|| '1100ffc40014000100000000000000000000000000000003ffc40014100100000000000000000000000000000000ffda0008'
		|| '010100003f00', 'hex'), '', 16 * 1000000),
	('what is tiny', m.mask, '', 10000),
	('many bytes', m.mask, decode(repeat('00', 1000000), 'hex'), 1000000 + length(m.mask)),
	('no image', '\x00', '', NULL)) AS f (name, h, x, n);
SET LOCAL lesionseg.max_pixels = 1000;
SELECT is(lesion_image_work(mask), NULL, '... or one above the limit') FROM archive LIMIT 1;
RESET lesionseg.max_pixels;
SELECT is(lesion_dice_or_null(a, b), d::float8, 'Dice of masks, or none: ' || n)
FROM (SELECT mask FROM archive LIMIT 1) AS m,
	LATERAL (VALUES ('the same', mask, mask, 1), ('a broken one', '\x00', mask, NULL),
	('or the other', mask, '\x00', NULL),
	('another shape', mask, (lesion_synthetic(1, 40, 48)).mask, NULL)) AS f (n, a, b, d);
CREATE TABLE much_masks (LIKE lesion_prediction);
CREATE TABLE much_verdicts (LIKE lesion_verdict);
INSERT INTO much_masks (images, id, model, version, mask, image_sha256, predicted_at, predicted_dice)
SELECT 'x', n, m, CASE n WHEN 100 THEN 1 ELSE 2 END, CASE n WHEN 100 THEN a.mask ELSE
	'\x89504e470d0a1a0a0000000d4948445200000fa000000fa00100000000c604deaf0000000149444154' END, 'same', now(), n / 100.0
FROM unnest(ARRAY[100] || array(SELECT generate_series(1, 24))) AS n, unnest('{one,two}'::text[]) AS m, archive AS a
WHERE a.id = 1;
INSERT INTO much_verdicts (images, id, verdict, corrected_mask, mask_sha256, model, version, decided_at)
SELECT images, id, 'correct', mask, sha256(mask), model, version, now() - interval '1 day' - interval '1 s' * id::int
FROM much_masks WHERE model = 'one';
CREATE FUNCTION pg_temp.compared() RETURNS text LANGUAGE sql AS $$
SELECT coalesce((SELECT disagreement::text FROM lesion_review_queue('much_masks') WHERE id = '100'), '&ndash;') || ' '
	|| (regexp_match(page,
	'>one</th><td[^>]*>1</td>' || repeat('<td[^>]*>[^<]*</td>', 5) || '<td[^>]*>([^<]*)</td>'))[1]
FROM lesion_report(predictions => '{much_masks}', verdicts => 'much_verdicts') AS page $$;
SELECT is(pg_temp.compared(), '0 1.000', 'masks of 768 megapixels are compared, and one more');
INSERT INTO much_masks SELECT (jsonb_populate_record(m, '{"id": "0", "predicted_dice": 0.995}')).*
FROM much_masks AS m WHERE id = '1';
INSERT INTO much_verdicts SELECT (jsonb_populate_record(v, '{"id": "0"}')).* FROM much_verdicts AS v WHERE id = '1';
SELECT is(pg_temp.compared(), '&ndash; &ndash;', 'of 800 they are not');
UPDATE much_masks SET predicted_by = 'somebody' WHERE id <> '100';
UPDATE much_verdicts SET decided_by = 'somebody' WHERE id <> '100';
SELECT is(pg_temp.compared(), '0 1.000', '... unless others made them');
UPDATE much_masks SET predicted_by = 'somebody' WHERE id = '100' AND model = 'one';
SELECT is((SELECT disagreement FROM lesion_review_queue('much_masks') WHERE id = '100'), NULL,
	'masks of two authors are not compared');
INSERT INTO much_masks SELECT (jsonb_populate_record(m, jsonb_build_object('model', 'made up', 'predicted_at', at))).*
FROM much_masks AS m, unnest(ARRAY['infinity', NULL, now() + interval '1 hour']::timestamptz[]) AS at WHERE id = '100';
SELECT is((SELECT array_agg(model) FROM lesion_review_queue('much_masks') WHERE model = 'made up'), NULL,
	'masks of times to come, and of none, are not the latest');
SELECT isnt((SELECT model FROM lesion_verdict_add('much_verdicts', 'much_masks', '100', 'reject')), 'made up',
	'... for a verdict, either');

-- A stored mask that cannot be read, or is above the reader's limit, is corrected as one that is not there.
CREATE TABLE unreadable (LIKE lesion_prediction);
CREATE TABLE unreadable_verdicts (LIKE lesion_verdict);
INSERT INTO unreadable (images, id, model, version, mask, predicted_at)
VALUES ('public.archive', '1', 'net', 1, '\x00', now()), ('public.archive', '2', 'net', 1,
	(SELECT mask FROM lesion_synthetic(1, 256, 256)), now());
SET LOCAL lesionseg.max_pixels = 40000;
SELECT throws_ok(format($$SELECT lesion_verdict_add('unreadable_verdicts', 'unreadable', %L, 'accept')$$, f.id),
	f.state, NULL, 'a mask that cannot be read is not accepted: ' || f.state)
FROM (VALUES ('1', '22P03'), ('2', '54000')) AS f (id, state);
SELECT is((SELECT (lesion_verdict_add('unreadable_verdicts', 'unreadable', f.id, 'correct', NULL,
	f.corrected)).verdict), 'correct', '... but corrected: ' || f.id)
FROM (VALUES ('1', (SELECT mask FROM archive LIMIT 1)), ('2', (SELECT mask FROM lesion_synthetic(1, 64, 64))))
	AS f (id, corrected);

RESET lesionseg.max_pixels;

-- Nor does a corrected mask above the limit end what learns from it: it is one broken row.
CREATE TABLE all_masks (LIKE lesion_prediction);
CALL lesion_predict('archive', 'convmixer', 'all_masks');
INSERT INTO unreadable_verdicts (images, id, verdict, corrected_mask, decided_at)
SELECT 'public.archive', id, 'correct',
	CASE id WHEN 2 THEN (SELECT mask FROM lesion_synthetic(2, 480, 400)) ELSE mask END, clock_timestamp()
FROM archive WHERE mask IS NOT NULL;
CREATE VIEW learned AS
SELECT a.id, a.image, r.mask
FROM archive AS a JOIN lesion_reviewed_masks('all_masks', 'unreadable_verdicts') AS r ON r.images = 'public.archive'
AND r.id = a.id::text;
SET LOCAL lesionseg.max_pixels = 40000;
SELECT is((SELECT broken FROM lesion_evaluate('learned', 'convmixer', 'all', id_column => 'id')), 1,
	'a corrected mask above the limit is a broken row of an evaluation');
SELECT lives_ok($$SELECT lesion_compare('learned', 'convmixer', 0, 0, 'all', id_column => 'id', draws => 10)$$,
	'... of a comparison');
SELECT lives_ok($$SELECT lesion_robustness('learned', 'convmixer', 'all', kinds => '{blur}', severities => '{1}',
	modes => '{off}', id_column => 'id')$$, '... of a measurement of robustness');
SELECT lives_ok($$SELECT lesion_train('learned', 'from_learned', 1, id_column => 'id', architecture => 'unet',
	config => '{"base": 4, "depth": 1}', image_size => 32)$$, '... and of a training');
RESET lesionseg.max_pixels;

-- Where too many corrections are no mask of their image, a training ends: lesion_mask_error tells which to leave out.
UPDATE unreadable_verdicts SET corrected_mask = substr(corrected_mask, 1, length(corrected_mask) - 20)
WHERE id::int <= 4;
SELECT throws_ok($$SELECT lesion_evaluate('learned', 'convmixer', 'all', id_column => 'id')$$, '22000', NULL,
	'corrections that are no masks of the images end an evaluation');
CREATE VIEW learned_well AS SELECT * FROM learned WHERE lesion_mask_error(mask, image) IS NULL;
SELECT is((SELECT n || ' ' || broken FROM lesion_evaluate('learned_well', 'convmixer', 'all', id_column => 'id')),
	'8 0', '... and are left out by what is wrong with them');

-- What is plainly no mask of the image does not hide the verdict before.
CREATE TABLE late_verdicts (LIKE lesion_verdict);
SELECT lesion_verdict_add('late_verdicts', 'all_masks', '1', 'accept');
SELECT lesion_verdict_add('late_verdicts', 'all_masks', '2', 'correct', NULL, (SELECT mask FROM archive WHERE id = 2));
CREATE TABLE before AS SELECT * FROM lesion_reviewed_masks('all_masks', 'late_verdicts');
SELECT is((SELECT array_agg(verdict ORDER BY id) FROM before), '{accept,correct}', 'two verdicts');
INSERT INTO late_verdicts (images, id, verdict, corrected_mask, mask_sha256, decided_at)
SELECT 'public.archive', i.id, l.verdict, l.corrected_mask, l.mask_sha256, clock_timestamp()
FROM unnest('{1,2}'::text[]) AS i (id), LATERAL (VALUES
	('correct', (lesion_synthetic(1, 40, 48)).mask, (SELECT sha256(mask) FROM all_masks AS a WHERE a.id = i.id)),
	('correct', '\x00', NULL), ('correct', '\x00', sha256('x')), ('correct', NULL, NULL),
	('accept', NULL, NULL), ('accept', NULL, sha256('x')), ('maybe', NULL, NULL), (NULL, NULL, NULL))
	AS l (verdict, corrected_mask, mask_sha256);
SELECT set_eq($$SELECT * FROM lesion_reviewed_masks('all_masks', 'late_verdicts')$$, 'SELECT * FROM before',
	'other shapes, broken masks, masks that are not there and words that are no verdict do not count');
INSERT INTO late_verdicts (images, id, verdict, corrected_mask, decided_at)
VALUES ('public.archive', '1', 'reject', NULL, clock_timestamp()),
	('public.archive', '2', 'correct', (SELECT mask FROM lesion_synthetic(9, 96, 80)), clock_timestamp());
SELECT results_eq($$SELECT id, (lesion_image_info(mask)).width
	FROM lesion_reviewed_masks('all_masks', 'late_verdicts')$$,
	$$VALUES ('2', 96)$$, '... a rejection does, and a corrected mask of a mask that is gone');
INSERT INTO late_verdicts (images, id, verdict, corrected_mask, decided_at)
SELECT 'public.archive', repeat('i', 10000), 'correct', mask, clock_timestamp() FROM archive WHERE id = 2;
SELECT is((SELECT count(*) FROM lesion_reviewed_masks('all_masks', 'late_verdicts')), 1::bigint,
	'nor do verdicts on names of 10,000 bytes count');
SELECT is(lesion_mask_fits(m, i), f, 'a mask fits by its header: ' || n) FROM archive AS a,
	LATERAL (VALUES ('yes', mask, image, true), ('no', image, (lesion_synthetic(1, 40, 48)).image, false),
	('no header', '\x00', image, false), ('no image', mask, '\x00', NULL)) AS f (n, m, i, f) WHERE id = 1;

-- Masks that others add do not hide the correction of an image that had none, or whose mask is gone.
CREATE TABLE no_masks (LIKE lesion_prediction);
CREATE TABLE no_mask_verdicts (LIKE lesion_verdict);
INSERT INTO no_masks (images, id, model, version, mask, error, predicted_at)
VALUES ('public.archive', '1', 'net', 1, NULL, 'no image', now()),
	('public.archive', '2', 'net', 1, '\x00', NULL, now());
SELECT lesion_verdict_add('no_mask_verdicts', 'no_masks', id::text, 'correct', 'drawn', mask)
FROM archive WHERE id IN (1, 2);
DELETE FROM no_masks WHERE id = '2';
INSERT INTO no_masks (images, id, model, version, mask, predicted_at)
SELECT 'public.archive', id, 'net', 2, (lesion_synthetic(1, 40, 48)).mask, now() FROM unnest('{1,2}'::text[]) AS id;
SELECT results_eq($$SELECT id, mask FROM lesion_reviewed_masks('no_masks', 'no_mask_verdicts') ORDER BY id$$,
	$$SELECT id::text, mask FROM archive WHERE id IN (1, 2) ORDER BY id$$,
	'corrections of images without a mask stay, whatever masks come');

-- A mask that cannot be decoded, but has a header of another shape, refuses a correction that would not count.
CREATE TABLE odd_masks (LIKE lesion_prediction);
CREATE TABLE odd_verdicts (LIKE lesion_verdict);
INSERT INTO odd_masks (images, id, model, version, mask, predicted_at)
SELECT 'public.archive', '1', 'x', 1, substr(mask, 1, 60), now() FROM lesion_synthetic(9, 64, 32);
SELECT throws_like($$SELECT lesion_verdict_add('odd_verdicts', 'odd_masks', '1', 'correct', 'drawn',
	(SELECT mask FROM lesion_synthetic(1, 64, 64)))$$, 'corrected_mask is 64 x 64 pixels, %: another shape',
	'a correction of another shape is refused, not passed over later');
SELECT lives_ok($$SELECT lesion_verdict_add('odd_verdicts', 'odd_masks', '1', 'correct', 'drawn',
	(SELECT mask FROM lesion_synthetic(1, 64, 32)))$$, '... one of its shape is taken');
SELECT is((SELECT count(*) FROM lesion_reviewed_masks('odd_masks', 'odd_verdicts')), 1::bigint, '... and counts');

-- A user's tables may have more columns, of any name: those of the queries, too.
CREATE TABLE wide_masks (LIKE lesion_prediction);
CREATE TABLE wide_verdicts (LIKE lesion_verdict);
INSERT INTO wide_masks SELECT * FROM masks;
INSERT INTO wide_verdicts SELECT * FROM verdicts;
CREATE TABLE narrow AS SELECT lesion_report(predictions => '{wide_masks}', verdicts => 'wide_verdicts') AS report;
DO $$
BEGIN
	EXECUTE (SELECT string_agg(format('ALTER TABLE %I ADD COLUMN IF NOT EXISTS %I text', a, b), ';')
		FROM unnest('{wide_masks,wide_verdicts}'::text[]) AS a, unnest('{
			digest,place,counts,other,author,expected,differs,shift,week,came_at,left_out,work,own,spent,dice,priority,
			smallness,latest,invalid,of_model,passed_over,n,mask,area,quality,version,a,c,d,f,j,k,
			l,m,o,p,q,r,s,v,open,pairs,judged,looked_at,masks}'::text[]) AS b);
END $$;
SELECT set_eq($$SELECT * FROM lesion_review_queue('wide_masks', 'wide_verdicts')$$,
	$$SELECT * FROM lesion_review_queue('masks', 'verdicts')$$, 'more columns: the queue is the same');
SELECT set_eq($$SELECT * FROM lesion_reviewed_masks('wide_masks', 'wide_verdicts')$$,
	$$SELECT * FROM lesion_reviewed_masks('masks', 'verdicts')$$, '... and the masks reviewed');
SELECT results_eq($$SELECT lesion_report(predictions => '{wide_masks}', verdicts => 'wide_verdicts')$$,
	'SELECT report FROM narrow', '... and the report');
SELECT lives_ok($$SELECT lesion_verdict_add('wide_verdicts', 'wide_masks', '1', 'reject', 'no')$$,
	'... a verdict is taken');

-- The columns that are read are enough: a table may have others that are nobody's business.
ALTER TABLE wide_masks ADD COLUMN secret text;
ALTER TABLE wide_verdicts ADD COLUMN secret text;
CREATE ROLE lesion_test_columns;
GRANT SELECT (images, id, model, version, error, needs_review, area, confidence, quality, predicted_dice, predicted_at,
	predicted_by) ON wide_masks TO lesion_test_columns;
SET LOCAL ROLE lesion_test_columns;
SELECT lives_ok($$SELECT lesion_drift('wide_masks', true)$$, 'drift needs no masks');
RESET ROLE;
GRANT SELECT (mask, image_sha256, disagreement) ON wide_masks TO lesion_test_columns;
GRANT SELECT (images, id, verdict, corrected_mask, mask_sha256) ON wide_verdicts TO lesion_test_columns;
SET LOCAL ROLE lesion_test_columns;
SELECT lives_ok($$SELECT lesion_review_queue('wide_masks', 'wide_verdicts')$$, '... the queue no authors of verdicts');
RESET ROLE;
GRANT SELECT (model, decided_at, decided_by) ON wide_verdicts TO lesion_test_columns;
SET LOCAL ROLE lesion_test_columns;
SELECT lives_ok($$SELECT lesion_reviewed_masks('wide_masks', 'wide_verdicts')$$, '... reviewed masks no reasons');
RESET ROLE;
GRANT SELECT (weights_sha256) ON wide_masks TO lesion_test_columns;
GRANT SELECT (version, reason) ON wide_verdicts TO lesion_test_columns;
SET LOCAL ROLE lesion_test_columns;
SELECT lives_ok($$SELECT lesion_report(predictions => '{wide_masks}', verdicts => 'wide_verdicts')$$,
	'... and the report no columns of others');
RESET ROLE;

-- Many masks and many verdicts take as long as they are many, not as their product, whatever the planner expects.
CREATE TABLE many_masks (LIKE lesion_prediction);
CREATE TABLE many_verdicts (LIKE lesion_verdict);
INSERT INTO many_masks (images, id, model, version, mask, needs_review, predicted_dice, predicted_at)
SELECT 'public.archive', n % 2500, 'm' || n / 2500, 0, a.mask, true, 0.1, now()
FROM generate_series(1, 5000) AS n, archive AS a WHERE a.id = 1;
INSERT INTO many_verdicts (images, id, verdict, mask_sha256, decided_at)
SELECT 'public.archive', n % 2500, 'reject', sha256('x'), now() - interval '1 day' FROM generate_series(1, 20000) AS n;
ANALYZE many_masks, many_verdicts;
SET LOCAL statement_timeout = '30s';
SELECT lives_ok($$SELECT lesion_report(predictions => '{many_masks}', verdicts => 'many_verdicts')$$,
	'5,000 masks and 20,000 verdicts: the report');
SELECT lives_ok($$SELECT * FROM lesion_review_queue('many_masks', 'many_verdicts')$$, '... the queue');
SELECT lives_ok($$SELECT * FROM lesion_reviewed_masks('many_masks', 'many_verdicts')$$, '... and the masks reviewed');
UPDATE many_masks SET model = 'm' || ctid::text, id = 1;
UPDATE many_verdicts SET id = 1;
ANALYZE many_masks, many_verdicts;
SELECT lives_ok($$SELECT lesion_report(predictions => '{many_masks}', verdicts => 'many_verdicts')$$,
	'... and all of them of one image');
-- A mask of many bytes is hashed once, however many verdicts on it do not count.
TRUNCATE many_masks, many_verdicts;
INSERT INTO many_masks (images, id, model, version, mask, needs_review, predicted_dice, predicted_at)
SELECT 'public.archive', '1', 'm', 0, mask || decode(repeat('00', 50000000), 'hex'), true, 0.1, now()
FROM archive WHERE id = 1;
INSERT INTO many_verdicts (images, id, verdict, corrected_mask, mask_sha256, decided_at)
SELECT images, m.id, 'correct', s.mask, digest, now() - interval '1 day'
FROM (SELECT images, id, sha256(mask) AS digest FROM many_masks OFFSET 0) AS m, lesion_synthetic(1, 16, 40) AS s,
	generate_series(1, 400);
SELECT is((SELECT count(*) FROM lesion_review_queue('many_masks', 'many_verdicts')), 1::bigint,
	'... and one mask of 50 MB');
RESET statement_timeout;

SELECT * FROM finish();
ROLLBACK;
