# evil.pl: bad input gets an error with an SQLSTATE of its own, the same
# process goes on, and nothing is half-written.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database fill_archive server_alive);
use Test::More;

my $database = 'tap_evil';
fresh_database($database);
fill_archive($database, 24, 64);
run_sql($database, <<'SQL');
CREATE TABLE nothing (id text PRIMARY KEY, image bytea, mask bytea);
CREATE TABLE one AS SELECT * FROM archive LIMIT 1;
CREATE TABLE broken AS SELECT id, substr(image, 1, 100) AS image, mask FROM archive;
CREATE TABLE wrong_masks AS SELECT a.id, a.image, s.mask FROM archive a, lesion_synthetic(1, 48, 32) AS s;
CREATE TABLE secret AS SELECT * FROM archive;
CREATE VIEW bytes AS
SELECT name, value FROM (VALUES
	('empty', ''::bytea),
	('text', 'no image at all'::bytea),
	('zeros', decode(repeat('00', 10000), 'hex')),
	('PNG signature alone', '\x89504e470d0a1a0a'::bytea),
	('PNG of 60000 x 60000', '\x89504e470d0a1a0a0000000d494844520000ea600000ea6008020000000fb0e215'::bytea),
	('PNG of 60000 x 60000 with data',
		'\x89504e470d0a1a0a0000000d494844520000ea600000ea6008020000000fb0e215000000104944415478da'::bytea),
	('PNG of 0 x 0', '\x89504e470d0a1a0a0000000d4948445200000000000000000802000000b4e9eb45'::bytea),
	('JPEG start alone', '\xffd8ffe000104a46494600010100000100010000'::bytea),
	('BMP header of 60000 x 60000',
		'\x424d3600000000000000360000002800000060ea000060ea0000010018000000000000000000'
		'00000000000000000000000000000000'::bytea),
	('truncated PNG', (SELECT substr(image, 1, length(image) / 2) FROM archive WHERE id = 'lesion-1')),
	('PNG with a hole', (SELECT overlay(image PLACING decode(repeat('ff', 64), 'hex') FROM 200)
		FROM archive WHERE id = 'lesion-1'))
) AS b (name, value);
SQL

my $session = Session->new($database);
my $count = q{SELECT (SELECT count(*) FROM lesion_version) || '/' || (SELECT count(*) FROM lesion_evaluation)};
$session->query(q{SELECT (lesion_train('archive', 'net', architecture => 'unet', epochs => 1, image_size => 64,
	batch_size => 4, id_column => 'id', config => '{"base": 4, "depth": 2}')).version});
my $rows = $session->query($count);
is($session->query(q{SELECT count(*) FROM lesion_version WHERE model = 'net'}), '1', 'a model to attack is trained');

# Expect an error with a SQLSTATE that is neither an internal one nor a crash.
sub refused {
	my ($sql, $name) = @_;
	my $answer = eval { $session->query($sql) } // "gone: $@";
	my ($state) = $answer =~ /^(?:psql:\S+ )?ERROR:  ([0-9A-Z]{5}):/m;
	ok(defined $state && $state !~ /^XX/, "$name: " . ($state // 'no error'))
		or diag substr $answer, 0, 500;
	return $answer;
}

for my $name (split /\n/, run_sql($database, 'SELECT name FROM bytes')) {
	my $value = "(SELECT value FROM bytes WHERE name = '$name')";
	my $good = q{(SELECT image FROM archive WHERE id = 'lesion-1')};
	my $mask = q{(SELECT mask FROM archive WHERE id = 'lesion-1')};
	refused("SELECT lesion_segment($value, 'net')", "$name, segmented");
	refused("SELECT lesion_dice($value, $mask)", "$name, as a predicted mask");
	refused("SELECT lesion_dice($mask, $value)", "$name, as a true mask");
	refused("SELECT lesion_score($mask, $value)", "$name, in the aggregate");
	refused("SELECT lesion_overlay($value, $mask)", "$name, drawn on");
	refused("SELECT lesion_panel($good, $mask, $value)", "$name, in a panel");
	refused("SELECT lesion_probability_picture($good, $value)", "$name, as probabilities");
	refused("SELECT lesion_model_import('evil', $value, 'unet')", "$name, as weights");
}

my $train = q{SELECT lesion_train(%s, 'net2', architecture => 'unet', %s config => '{"base": 4, "depth": 2}',
	image_size => 64)};
refused(sprintf($train, q{'nothing'}, ''), 'training on no row');
refused(sprintf($train, q{'one'}, ''), 'training on one row');
refused(sprintf($train, q{'broken'}, q{id_column => 'id',}), 'training on broken images');
refused(sprintf($train, q{'wrong_masks'}, q{id_column => 'id',}), 'training on masks of another shape');
refused(sprintf($train, q{'missing'}, ''), 'training on a table that does not exist');
refused(sprintf($train, q{'archive'}, q{image_column => 'picture',}), 'a column that does not exist');
refused(sprintf($train, q{'archive'}, q{image_column => 'id',}), 'a column of another type');
refused(sprintf($train, q{'archive'}, q{epochs => 0,}), 'no epoch');
refused(sprintf($train, q{'archive'}, q{epochs => -1,}), 'fewer epochs than none');
refused(sprintf($train, q{'archive'}, q{epochs => NULL,}), 'NULL epochs');
refused(sprintf($train, q{'archive'}, q{learning_rate => 'NaN',}), 'a learning rate that is no number');
refused(sprintf($train, q{'archive'}, q{learning_rate => 'Infinity',}), 'an infinite learning rate');
refused(sprintf($train, q{'archive'}, q{learning_rate => -1,}), 'a negative learning rate');
refused(sprintf($train, q{'archive'}, q{batch_size => 0,}), 'an empty batch');
refused(sprintf($train, q{'archive'}, q{test_fraction => 1.5,}), 'a test fraction above one');
refused(sprintf($train, q{'archive'}, q{options => '{"no_such": 1}',}), 'an option that does not exist');
refused(q{SELECT lesion_train('archive', 'net2', architecture => 'unet', image_size => 65)},
	'a size the network cannot halve');
refused(q{SELECT lesion_train('archive', 'net2', architecture => 'unet', image_size => 2000000000)},
	'an enormous size');
refused(q{SELECT lesion_train('archive', 'net2', architecture => 'unet', config => '{"bass": 4}')},
	'a config key that does not exist');
refused(q{SELECT lesion_train('archive', 'net2', architecture => 'unet', config => '{"base": 1e300}')},
	'an enormous width');
refused(q{SELECT lesion_train('archive', 'net2', architecture => 'unet', config => '[1]')},
	'a config that is no object');
like(refused(q{SELECT lesion_train('archive', 'net2', architecture => 'unet', config => '{"base": true}')},
	'a config value that is true'), qr/base is not a number/, '... is no number');
refused(q{SELECT lesion_train('archive', 'net2', architecture => 'transformer')},
	'an architecture that does not exist');
like(refused(q{SELECT lesion_segment(image, 'nett') FROM archive}, 'a model that does not exist'), qr/net/,
	'... and the models that do');
refused(q{SELECT lesion_segment(image, 'net', threshold => 2) FROM archive}, 'a threshold above one');
refused(q{SELECT lesion_segment(image, 'net', threshold => 'NaN') FROM archive}, 'a threshold that is no number');
refused(q{SELECT lesion_evaluate('archive', 'net', subset => 'some')}, 'a subset that does not exist');
refused(q{SELECT lesion_evaluate('archive', 'net', version => 99)}, 'a version that does not exist');
refused(q{SELECT lesion_evaluate('nothing', 'net')}, 'evaluating on no row');
refused(q{SELECT * FROM lesion_synthetic(1, 0, 10)}, 'rendering no pixel');
refused(q{SELECT * FROM lesion_synthetic(1, 2000000000, 2000000000)}, 'rendering too many pixels');
refused(q{SET lesionseg.max_memory = '16MB';
	SELECT lesion_train('archive', 'net2', architecture => 'unet', config => '{"base": 64}')},
	'more memory than allowed');
$session->query('RESET lesionseg.max_memory');
refused(q{UPDATE lesion_version SET threshold = 0.4}, 'changing a version');

run_sql($database, 'DROP ROLE IF EXISTS tap_nobody; CREATE ROLE tap_nobody');
$session->query('SET ROLE tap_nobody');
like(refused(q{SELECT lesion_train('secret', 'net')}, 'a table one may not read'), qr/42501/,
	'... is a matter of privileges');
refused(q{SELECT lesion_evaluate('secret', 'net', subset => 'all')}, 'evaluating on a table one may not read');
$session->query('RESET ROLE');

# Messages in another encoding are not cut within a character.
my $japanese = 'tap_evil_japanese';
run_sql('postgres', "DROP DATABASE IF EXISTS $japanese");
run_sql('postgres', "CREATE DATABASE $japanese ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
run_sql($japanese, 'CREATE EXTENSION lesionseg');
my $foreign = Session->new($japanese);
$foreign->query("SET client_encoding = 'UTF8'");
for my $length (100 .. 103) {
	my $answer = $foreign->query(qq{SELECT lesion_model_create('x', 'unet',
		jsonb_build_object(repeat('x', $length) || repeat('\xe7\x9a\xae', 200), 1))});
	like($answer, qr/ERROR:  22023/, "a key of $length letters and many more in Japanese");
}

# A DICOM file's bytes without a meaning are no error there; a character that the encoding lacks is one.
my $tags = q{SELECT lesion_dicom_tags(decode('0800050043530a00' || encode('ISO_IR 192', 'hex') || '10001000504e0400'
	|| '%s', 'hex')) #>> '{00100010,Value,0,Alphabetic}'};
like($foreign->query(sprintf $tags, '4dff6c20'), qr/^M\?l$/m, 'a byte that is no UTF-8');
like($foreign->query(sprintf $tags, 'f09f9880'), qr/ERROR:  22P05/, 'a character that EUC_JP lacks');
$foreign->quit;
run_sql('postgres', "DROP DATABASE $japanese");

# The schema of the extension has any name.
my $named = 'tap_evil_schema';
run_sql('postgres', "DROP DATABASE IF EXISTS $named");
run_sql('postgres', "CREATE DATABASE $named");
run_sql($named, q{CREATE SCHEMA "a@b""%s'"; CREATE EXTENSION lesionseg SCHEMA "a@b""%s'"});
is(run_sql($named, q{SET search_path = "a@b""%s'"; SET client_min_messages = error;
	SELECT lesion_model_import('net', lesion_model_export('unet'));
	SELECT lesion_model_promote('net', 1); SELECT lesion_model_drop('net');
	SELECT string_agg(event, ', ' ORDER BY entry) FROM lesion_audit}),
	"1\n\n\ncreate, import, promote, promote, drop version, drop",
	'the schema has signs in its name that queries are made with');
run_sql('postgres', "DROP DATABASE $named");

is($session->query($count), $rows, 'nothing was written');
is($session->query('SELECT pg_backend_pid()'), $session->pid, 'the process is the same');
ok(server_alive(), 'the server is alive');
$session->quit;
run_sql($database, 'DROP ROLE tap_nobody');
done_testing();
