-- Masks as people store them: of another size, turned, or no masks at all.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(9);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask, large.mask AS large_mask, turned.mask AS turned_mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 48, 40) AS s, lesion_synthetic(seed, 120, 100) AS large,
	lesion_synthetic(seed, 40, 48) AS turned;
ALTER TABLE archive ADD PRIMARY KEY (id);

-- Another size.
SELECT lives_ok($$SELECT lesion_train('archive', 'net', mask_column => 'large_mask', epochs => 6, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false')$$,
	'masks larger than their images train');
SELECT is(n || ' ' || broken, '24 0', 'and are scored') FROM lesion_evaluate('archive', 'net', 'all', mask_column => 'large_mask');
SELECT ok(abs(large.dice - same.dice) < 0.05, 'much like those of the same size')
FROM lesion_evaluate('archive', 'net', 'all', mask_column => 'large_mask') AS large, lesion_evaluate('archive', 'net', 'all') AS same;
SELECT is((i).width || ' x ' || (i).height, '48 x 40', 'and are drawn at the size of the image')
FROM (SELECT lesion_image_info(lesion_overlay(image, large_mask, mask)) AS i FROM archive LIMIT 1) AS drawn;

-- Another shape.
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', 'all', mask_column => 'turned_mask')$$, '22000', NULL, 'turned masks are not scored');
SELECT throws_ok($$SELECT lesion_train('archive', 'turned', mask_column => 'turned_mask', architecture => 'unet')$$, '22000', NULL, 'nor trained on');
SELECT throws_like($$SELECT lesion_dice(turned_mask, mask) FROM archive$$,
	'%the predicted mask is 40 x 48 pixels, the truth 48 x 40%', 'nor compared, and the message has both sizes');

-- No masks.
SELECT throws_ok($$SELECT lesion_train('archive', 'photographs', mask_column => 'image', architecture => 'unet')$$, '22000', NULL,
	'photographs are no masks');
SELECT throws_like($$SELECT lesion_dice(image, mask) FROM archive$$, 'predicted: % a photograph, not a mask', 'and the message says what they are');

SELECT * FROM finish();
ROLLBACK;
