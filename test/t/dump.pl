# dump.pl: pg_dump and pg_restore bring back what users made (models, versions,
# runs, scores, promotions), and what came with the extension once. So it is
# whatever the order of the tables: with several jobs, data alone, table by
# table, by pg_dumpall, and from 0.2.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use Session qw(run_sql fresh_database fill_archive content_query);
use Test::More;

my ($source, $target, $older) = ('tap_dump', 'tap_restore', 'tap_dump_older');
my $directory = File::Temp->newdir;
fresh_database($source);
fill_archive($source, 16, 48);

my $sizes = q{image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
run_sql($source, "SELECT lesion_train('archive', 'mine', 1, architecture => 'unet', $sizes)");
run_sql($source, "SELECT lesion_train('archive', 'mine', 1, $sizes, promote => 'always')");
run_sql($source, "SELECT lesion_train('archive', 'unet', 1, $sizes, promote => 'always')");
run_sql($source, q{SELECT lesion_model_promote('mine', 1)});
run_sql($source, q{SELECT lesion_model_create('both', 'ensemble', '{"members": ["mine", "unet"], "weights": [1, 2]}')});
run_sql($source, q{SELECT lesion_robustness('archive', 'mine', kinds => '{noise}', severities => '{1}',
	modes => '{off}')});

# What another role made stays its own.
run_sql($source, q{DROP ROLE IF EXISTS tap_importer; CREATE ROLE tap_importer;
	GRANT INSERT ON lesion_model, lesion_version, lesion_promotion TO tap_importer; SET ROLE tap_importer;
	SELECT lesion_model_import('theirs', lesion_model_export('mine')); RESET ROLE;
	REVOKE ALL ON lesion_model, lesion_version, lesion_promotion FROM tap_importer});

# The bundled weights, where some were installed, are in the dump, with what refers to them.
my $bundled = q{SELECT count(*) FROM lesion_version WHERE number <= 0};
run_sql($source, q{SELECT lesion_model_promote(model, 0), lesion_evaluate('archive', model, 'all', version => 0)
	FROM lesion_version WHERE model = 'linknet' AND number = 0});

run_sql($source, 'CREATE TABLE masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version))');
run_sql($source, q{CALL lesion_predict('archive', 'mine', 'masks')});

run_sql($source, q{CALL lesion_cross_validate('archive', 'unet', 2, 'crossed', epochs => 1, image_sizes => '{32}',
	configs => '[{"base": 2, "depth": 1}]')});

# Tables that are dumped, those that others refer to last.
my @tables = qw(lesion_audit lesion_image_score lesion_robustness_score lesion_evaluation lesion_epoch lesion_promotion
	lesion_fold lesion_version lesion_run
	lesion_model);

# Whatever the extension has is dumped, but for checkpoints.
is(run_sql($source, q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c
	JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass
	AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass JOIN pg_extension AS e ON e.oid = d.refobjid
	AND e.extname = 'lesionseg'
	WHERE c.relkind = 'r' AND c.relname <> 'lesion_checkpoint'}), join(' ', sort @tables),
	'the tables that are tested are all');
is(run_sql($source, q{SELECT string_agg(c.relname, ' ') FROM pg_class AS c, pg_extension AS e
	WHERE c.relkind IN ('r', 'S') AND c.relname LIKE 'lesion\_%'
	AND c.relname <> 'lesion_checkpoint' AND e.extname = 'lesionseg' AND c.oid <> ALL (e.extconfig)}), '',
	'... and each is dumped, with its sequence');

# Names of a table's columns in a database, separated by commas.
sub columns_of {
	my ($database, $table) = @_;
	return run_sql($database, "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped");
}

# Test that the tables of two databases are the same.
sub same_tables {
	my ($from, $to, $what, @names) = @_;
	is(run_sql($to, content_query($_, columns_of($from, $_))), run_sql($from, content_query($_, columns_of($from, $_))),
		"$what: $_ is the same") for @names;
	return;
}

# Write a file.
sub write_file {
	my ($name, @lines) = @_;
	open my $file, '>', $name or die "$name: $!\n";
	print $file @lines;
	close $file or die "$name: $!\n";
	return;
}

# An empty database to restore into.
sub empty_database {
	my ($name) = @_;
	run_sql('postgres', "DROP DATABASE IF EXISTS $name");
	run_sql('postgres', "CREATE DATABASE $name");
	return;
}

is(system('pg_dump', '-Fc', '-f', "$directory/one", $source), 0, 'the database is dumped');
is(system('pg_dump', '-Fd', '-j', '2', '-f', "$directory/many", $source), 0, '... by two jobs');
empty_database($target);
is(system('pg_restore', '--exit-on-error', '-d', $target, "$directory/one"), 0, 'and restored');
same_tables($source, $target, 'restored', @tables, 'masks');
is(run_sql($target, $bundled), run_sql($source, $bundled), 'bundled versions are there once');
my $active = q{SELECT string_agg(model || version, ' ' ORDER BY model) FROM lesion_models};
like(run_sql($target, $active), qr/mine1.* unet1/, 'the versions that were promoted are active');
is(run_sql($target, $active), run_sql($source, $active), 'the same versions are active');
is(() = `pg_restore -a -f - -t lesion_version $directory/one` =~ /^\w+\t(?:0|-\d+)\t/mg, run_sql($source, $bundled),
	'weights that came with the extension are in the dump: another release has others');
my $masks = q{SELECT md5(string_agg(lesion_segment(image, 'mine') || lesion_segment(image, 'unet')
	|| lesion_segment(image, 'both'), '' ORDER BY id)) FROM archive};
is(run_sql($target, $masks), run_sql($source, $masks), 'they give the same masks');
is(run_sql($target, 'SELECT count(*) FILTER (WHERE (lesion_reproduce(m)).agrees) FROM masks AS m'), '16',
	'stored masks are made again');
is(run_sql($target, "SELECT version FROM lesion_train('archive', 'mine', 1, $sizes)"), '3',
	'and can be trained further');

# Several jobs: each table in a transaction of its own, several at a time.
empty_database($target);
is(system('pg_restore', '--exit-on-error', '-j', '4', '-d', $target, "$directory/many"), 0, 'restored by four jobs');
same_tables($source, $target, 'four jobs', @tables, 'masks');
my $left = join ' + ', map { "(SELECT count(*) FROM $_ WHERE model = 'mine')" } qw(lesion_version lesion_run
	lesion_promotion lesion_evaluation lesion_robustness_score);
run_sql($target, q{SELECT lesion_model_drop('both'); SELECT lesion_model_drop('mine')});
is(run_sql($target, "SELECT $left"), '0', 'what belongs to a model goes with it');
is(run_sql($target, q{SELECT (SELECT count(*) FROM lesion_epoch) - (SELECT count(*) FROM lesion_run)}), '0',
	'... and no more');

# A version whose row would be larger than pg_dump can write is refused, whatever makes it so: here the columns that
# its images were split by. Without them, all that is wrong with the same file is that it has no tensors.
my $copies = 512;
my $length = int((0x3fffffff - 9000) / 2 / $copies);	# near the limit, and a header that a file may have

# What becomes of an import of a file of half a gigabyte, copies of its header, with this in its metadata.
sub import_large {
	my ($more) = @_;
	my $header = qq({"__metadata__": {"format_version": "1", "architecture": "unet", "image_size": "32",
		"config": "{\\"base\\": 4, \\"depth\\": 1}", "mean": "0.5,0.5,0.5", "std": "0.2,0.2,0.2",
		"extension_version": "0.3"$more});
	my $text = join '', map { sprintf '\\%03o', $_ } unpack 'C*', pack('Q<', $length - 8) . $header;
	my $blanks = $length - 8 - length($header) - 1;
	my $session = Session->new($source);
	my $said = $session->query("SELECT lesion_model_import('large',
		repeat('$text' || repeat(' ', $blanks) || '}', $copies)::bytea, promote => false)");
	$session->quit;
	return $said;
}

SKIP: {
	my ($free) = do { local (@ARGV, $/) = '/proc/meminfo'; <> } =~ /^MemAvailable:\s+(\d+)/m;
	skip 'files of half a gigabyte take 2 GB of memory', 3 if $free < 2_500_000;
	my $columns = join ', ', map { sprintf '\\"%02d%s\\"', $_, 'x' x 61 } 1 .. 32;
	like(import_large(qq(, "split": "{\\"columns\\": [$columns], \\"seed\\": 0, )
		. q(\\"test_fraction\\": 0.2, \\"validation_fraction\\": 0.1}")),
		qr/^ERROR:  54000: a version with weights of 511 MB would take \d+ bytes/,
		'a version that could not be dumped is refused');
	like(import_large(''), qr/^ERROR:  22P03: weights: .*tensor/, '... and without its long names it is not');

	# A checkpoint has four numbers of four bytes for each weight. No row of it stops replication.
	my $wide = 'tap_dump_wide';
	fresh_database($wide);
	run_sql($wide, q{CREATE TABLE two AS SELECT seed AS id, s.image, s.mask
		FROM generate_series(1, 2) AS seed, lesion_synthetic(seed, 32, 32) AS s; ALTER TABLE two ADD PRIMARY KEY (id)});
	my $session = Session->new($wide);
	like($session->query(q{CALL lesion_retrain('two', 'wide', epochs => 1, architecture => 'convmixer',
		config => '{"dim": 1024, "depth": 32}', image_size => 16, batch_size => 1, test_fraction => 0)}),
		qr/WARNING:  01000: run \d+ has no checkpoint: its 5\d\d MB cannot be replicated/,
		'a checkpoint that is too large is not kept');
	$session->quit;
	run_sql('postgres', "DROP DATABASE $wide");
}

# Data alone, where CREATE EXTENSION has made the bundled rows.
fresh_database($target);
is(system('pg_dump', '--data-only', '-Fd', '-f', "$directory/data", '-t', 'lesion_*', $source), 0,
	'data alone are dumped');
is(system('pg_restore', '--exit-on-error', '--data-only', '-j', '4', '-d', $target, "$directory/data"), 0,
	'... and restored');
same_tables($source, $target, 'data alone', @tables);
is(run_sql($target, $active), run_sql($source, $active), '... with the same versions active');

# Table by table, those that others refer to last, and their sequences.
fresh_database($target);
my @sequences = split /\n/, run_sql($source,
	q{SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE 'lesion_%'});
is(system('pg_restore', '--exit-on-error', '--data-only', '-d', $target, '-t', $_, "$directory/one"), 0, "$_ alone")
	for @tables, @sequences;
same_tables($source, $target, 'table by table', @tables);
run_sql($target, q{CREATE TABLE archive AS SELECT 'lesion-' || seed AS id, s.*
	FROM generate_series(1, 16) AS seed, lesion_synthetic(seed, 48, 48) AS s});
is(run_sql($target, "SELECT version FROM lesion_train('archive', 'mine', 1, $sizes, id_column => 'id')"), '3',
	'... and can be trained further');

# A model that is made while what is left of another of its name is there gets nothing of it.
fresh_database($target);
system('pg_restore', '--data-only', '-d', $target, '-t', 'lesion_version', "$directory/one");
isnt(system("psql -Xqd $target -c \"SELECT lesion_model_create('mine', 'linknet')\" 2>$directory/said"), 0,
	'versions without their model');
like(do { local (@ARGV, $/) = "$directory/said"; <> },
	qr/rows of lesion_version refer to the row \(mine\) of lesion_model/, '... get no new one');

# pg_dumpall, into another cluster.
my $others = run_sql('postgres', "SELECT string_agg('--exclude-database=' || datname, ' ') FROM pg_database
	WHERE datname <> '$source'");
is(system("pg_dumpall $others >$directory/all.sql"), 0, 'pg_dumpall');
write_file("$directory/queries.sql", map { content_query($_) . ";\n" } @tables, 'masks');
my $answer = qx{$FindBin::Bin/../tools/cluster bash -c 'psql -Xq -f $directory/all.sql >/dev/null 2>&1
	exec psql -XAtqd $source -f $directory/queries.sql'};
is($answer, join('', map { run_sql($source, content_query($_)) . "\n" } @tables, 'masks'),
	'... is restored into another cluster');

# A dump of 0.2, restored where 0.3 is the default.
empty_database($older);
run_sql($older, q{CREATE EXTENSION lesionseg VERSION '0.2';
	CREATE TABLE archive (id text PRIMARY KEY, image bytea NOT NULL, mask bytea);
	CREATE TABLE masks OF lesion_prediction (PRIMARY KEY (images, id, model, version))});
my @older = grep { $_ ne 'lesion_fold' } @tables;
for my $table (reverse(@older), qw(archive masks)) {
	my $columns = columns_of($older, $table);
	my %new_only = (lesion_model => 'WHERE NOT bundled', lesion_version => q{WHERE model <> $$lesion$$});
	my $rows = "SELECT $columns FROM $table " . ($new_only{$table} // '');
	is(system("psql -Xqd $source -c '\\copy ($rows) to stdout' |
		psql -Xqd $older -v ON_ERROR_STOP=1 -c '\\copy $table ($columns) from stdin'"), 0,
		"0.2: $table is filled");
}
run_sql($older, "SELECT setval('${_}_seq', 100)")
	for qw(lesion_run_run lesion_promotion_promotion lesion_evaluation_evaluation lesion_audit_entry);
is(system('pg_dump', '-Fd', '-f', "$directory/older", $older), 0, 'a database of 0.2 is dumped');
empty_database($target);
is(system('pg_restore', '--exit-on-error', '-j', '4', '-d', $target, "$directory/older"), 0,
	'... and restored by four jobs');
is(run_sql($target, q{SELECT extversion FROM pg_extension WHERE extname = 'lesionseg'}), '0.3', '... as one of 0.3');
same_tables($older, $target, '0.2 to 0.3', @older, 'masks');
is(run_sql($target, $masks), run_sql($source, $masks), '... with the same masks');
is(run_sql($target, 'SELECT count(*) FILTER (WHERE (lesion_reproduce(m)).agrees) FROM masks AS m'), '16',
	'... that are made again');
is(run_sql($target, "SELECT version FROM lesion_train('archive', 'mine', 1, $sizes)"), '3',
	'... and can be trained further');
run_sql($target, 'ALTER TABLE masks NOT OF; SET client_min_messages = error; DROP EXTENSION lesionseg CASCADE');
is(run_sql($target, 'SELECT count(*) FROM masks'), '16',
	'... and masks that are no longer OF lesion_prediction stay when the extension goes');

# The database of 0.2 itself, updated where it stands.
my %contents = map { $_ => content_query($_, columns_of($older, $_)) } @older, 'masks';
my %before = map { $_ => run_sql($older, $contents{$_}) } keys %contents;
is(run_sql($older, q{ALTER EXTENSION lesionseg UPDATE;
	SELECT extversion FROM pg_extension WHERE extname = 'lesionseg'}), '0.3', 'a database of 0.2 with data is updated');
is(run_sql($older, $contents{$_}), $before{$_}, "... $_ is the same") for sort keys %contents;
is(run_sql($older, 'SELECT count(*) FILTER (WHERE (lesion_reproduce(m)).agrees) FROM masks AS m'), '16',
	'... masks are made again');
is(run_sql($older, "SELECT version FROM lesion_train('archive', 'mine', 1, $sizes)"), '3',
	'... and models can be trained further');
run_sql('postgres', "DROP DATABASE $_") for $target, $older, $source;
run_sql('postgres', 'DROP ROLE tap_importer');
done_testing();
