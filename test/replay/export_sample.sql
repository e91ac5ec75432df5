-- Writes weights.safetensors, image.png and probability.png of a model into a folder on the client, for
-- check_export.py: psql -v model=NAME -v folder=DIR -f export_sample.sql. In float32, so that rounding does not count.
\set ON_ERROR_STOP on
SET lesionseg.precision = 'f32';
BEGIN;
SELECT (lesion_synthetic(42, image_size, image_size)).image
  FROM lesion_models WHERE model = :'model' \gset
SELECT lo_from_bytea(0, lesion_model_export(:'model')) AS weights,
       lo_from_bytea(0, :'image'::bytea) AS picture,
       lo_from_bytea(0, (lesion_segment_detail(:'image'::bytea, :'model')).probability) AS map \gset
\set path :folder '/weights.safetensors'
\lo_export :weights :path
\set path :folder '/image.png'
\lo_export :picture :path
\set path :folder '/probability.png'
\lo_export :map :path
ROLLBACK;
