# encodings.pl: databases in another encoding than UTF-8, whose rows have
# characters that UTF-8 lacks: whoever may write such a row stops no report, no
# training and no saving of files.
use strict;
use warnings;
use Encode ();
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql);
use Test::More;

my $folder = tempdir(CLEANUP => 1);

# The exit status of lesionseg-files and what it says.
sub files {
	my $said = qx{lesionseg-files @_ 2>&1 </dev/null};
	return ($? >> 8, $said);
}

# An encoding, a letter in it and in UTF-8, and what is a character there and none in UTF-8.
for (['WIN1252', 'fc', "\xc3\xbc", '81'], ['EUC_JP', 'c8e9', "\xe7\x9a\xae", 'f4fe'],
	['SQL_ASCII', 'c3bc', "\xc3\xbc", 'fc']) {
	my ($encoding, $letter, $shown, $lacking) = @{$_};
	my $database = 'tap_encoding_' . lc $encoding;
	run_sql('postgres', "DROP DATABASE IF EXISTS $database");
	run_sql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	run_sql($database, qq{CREATE EXTENSION lesionseg;
		CREATE TABLE archive (id text PRIMARY KEY, image bytea, mask bytea);
		INSERT INTO archive SELECT convert_from(decode('61' || hex, 'hex'), '$encoding') || n, (s).image, (s).mask
			FROM (VALUES ('$letter'), ('$lacking')) AS v (hex), generate_series(1, 4) AS n,
				lesion_synthetic(n, 32, 32) AS s;
		SELECT lesion_train('archive', 'net', 1, architecture => 'unet', image_size => 32, batch_size => 4,
			id_column => 'id', config => '{"base": 4, "depth": 1}');
		CREATE TABLE masks (LIKE lesion_prediction);
		CALL lesion_predict('archive', 'net', 'masks')});
	pass("$encoding: images whose ids UTF-8 lacks are trained on");
	is(run_sql($database, q{SELECT count(*) FROM lesion_robustness('archive', 'net', subset => 'all', id_column => 'id',
		kinds => '{noise}', severities => '{1}', modes => '{off}')}) > 0, 1, '... and degraded');
	run_sql($database, q{INSERT INTO masks (images, id, model, version, mask, predicted_at, predicted_by)
		SELECT id, id, id, 1, mask, now(), id FROM masks});
	my $page = run_sql($database, q{SELECT lesion_report(predictions => '{masks}', images => '{archive}')});
	my $code = unpack 'U', Encode::decode('UTF-8', $shown);
	like($page, qr/>a&#$code;1</, '... the report shows names');
	like($page, qr/>a&#65533;1</, '... and U+FFFD for what it cannot');
	my ($status, $said) = files("save -d $database $folder/$encoding 'SELECT id, mask FROM archive'");
	ok($status == 0 && $said =~ /^8 files/m, '... masks are saved') or diag $said;
	ok(-f "$folder/$encoding/a${shown}1.png", '... under names in UTF-8');
	($status, $said) = files("load -d $database $folder/$encoding archive");
	ok($status == 0, '... files are loaded beside') or diag $said;
	run_sql('postgres', "DROP DATABASE $database");
}
done_testing();
