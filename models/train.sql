-- How the bundled weights are trained. models/train.sh loads the images and
-- runs this once for each architecture:
--
--   psql -d DATABASE -v model=linknet -v epochs=40 -v image_size=256 -v batch_size=16 -v learning_rate=1.1e-3
--        -v config='{}' -v augment='{}' -f models/train.sql
--
-- Images of one lesion stay in one part. The mean of the last tenth of
-- the weights is what counts: the best epoch on some hundred validation images is
-- partly luck. Interrupted, the same call goes on.
\set ON_ERROR_STOP on
CALL lesion_retrain('pictures', :'model', epochs => :epochs, group_column => 'lesion', weight_column => 'weight',
	image_size => :image_size, batch_size => :batch_size, learning_rate => :learning_rate, config => :'config',
	augment => :'augment', options => '{"average": 0.1, "keep_last": true}', promote => 'always');

-- Whole frames are what an archive holds; the test parts of both sources
-- count.
SELECT n, dice, jaccard, threshold_jaccard FROM lesion_evaluate('whole_frames', :'model', id_column => 'id');
SELECT n, dice, jaccard, threshold_jaccard FROM lesion_evaluate('ham', :'model', id_column => 'id',
	by_column => 'site');
