-- Twelve drawn lesions, the table `archive`; `net`, a small network that learned
-- them in :epochs epochs; and `pair`, an ensemble of it and the same weights.
-- Inside a transaction: precision and threads are those of lesion_segment_pinned.
SET LOCAL lesionseg.precision = 'f32';
SET LOCAL lesionseg.threads = 1;

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 96, 80) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => :epochs, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false', test_fraction => 0);
SELECT lesion_model_create('twin', 'unet', '{"base": 4, "depth": 2}');
SELECT lesion_model_import('twin', lesion_model_export('net'));
SELECT lesion_model_create('pair', 'ensemble', '{"members": ["net", "twin"]}');
