# rights.pl: what a role leaves where others find it does not run with their
# rights, and what one does is not shown to all.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql wait_for_lock);
use Test::More;

# Objects of the extension that use what somebody else owns.
my $uses = q{SET search_path = pg_catalog; SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses '
	|| pg_describe_object(d.refclassid, d.refobjid, 0)
	FROM pg_depend d WHERE d.classid <> 'pg_operator'::regclass AND (
		(d.refclassid = 'pg_operator'::regclass
			AND (SELECT oprowner FROM pg_operator o WHERE o.oid = d.refobjid)::regrole::text = 'tap_planter') OR
		(d.refclassid = 'pg_proc'::regclass
			AND (SELECT proowner FROM pg_proc p WHERE p.oid = d.refobjid)::regrole::text = 'tap_planter'))};

sub plant {
	my ($database) = @_;
	is(system('psql', '-Xqd', $database, '-v', 'ON_ERROR_STOP=1', '-f', "$FindBin::Bin/../data/planted.sql"), 0,
		'operators are planted');
	return;
}

# Begin with an empty database, or with a copy of another.
sub begin {
	my ($database, $from) = @_;
	run_sql('postgres', "DROP DATABASE IF EXISTS $database");
	run_sql('postgres', "CREATE DATABASE $database" . (defined $from ? " TEMPLATE $from" : ''));
	return;
}

# The schema that the extension goes to is one where others may make objects.
my ($database, $planted) = ('tap_rights', 'tap_planted');
begin($planted);
plant($planted);
begin($database, $planted);
my $session = Session->new($database);
like($session->query('SELECT 1::float8 > 1::int4'), qr/code of others ran as/, '... and work');
is($session->query('CREATE EXTENSION lesionseg'), '', 'CREATE EXTENSION does not run them');
is(run_sql($database, $uses), '', '... nor do its objects use them');
run_sql($database, 'CREATE TABLE lesion_pacs_study (study text, wanted text, instances bigint);
	ALTER TABLE lesion_pacs_study OWNER TO tap_planter');
my $pacs = "$FindBin::Bin/../../src/pacs/tables.sql";
like(`psql -Xqd $database -v ON_ERROR_STOP=1 -f $pacs 2>&1`, qr/belongs to role "tap_planter"/,
	'... nor does the script of lesionseg-pacs, which sees whose its tables are');
run_sql($database, 'DROP TABLE lesion_pacs_study');
run_sql($database, q{CREATE TABLE archive AS SELECT seed AS id, s.*
	FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 32, 32) AS s;
	ALTER TABLE archive ADD PRIMARY KEY (id)});
my $sizes = q{image_size => 16, config => '{"base": 4, "depth": 1}', architecture => 'unet'};
my @calls = (
	"SELECT lesion_train('archive', 'net', 1, $sizes)",
	q{CALL lesion_retrain('archive', 'net', 1, image_size => 16, promote => 'always')},
	q{SELECT lesion_evaluate('archive', 'net', 'all')}, q{SELECT lesion_compare('archive', 'net', 1, 2, 'all')},
	q{SELECT lesion_robustness('archive', 'net', 'all', '{blur}', '{1}', max_images => 2)},
	q{SELECT length(lesion_robustness_picture('net', NULL, 'archive'))},
	q{SELECT lesion_model_import('other', lesion_model_export('net', dtype => 'bf16'))},
	q{SELECT lesion_model_create('both', 'ensemble', '{"members": ["net", "other"]}')},
	q{SELECT lesion_ensemble_fit('both', 'archive', validation_fraction => 0.5)},
	q{SELECT lesion_calibrate('net', 'archive', 'all')},
	q{SELECT length(lesion_weights_mean(lesion_weights_clip(weights, weights, 1), 1)) FROM lesion_version
		WHERE model = 'net'},
	q{SELECT lesion_model_promote('net', 1)}, q{SELECT lesion_model_rollback('net')},
	'CREATE TABLE masks OF lesion_prediction', q{CALL lesion_predict('archive', 'both', 'masks')},
	q{SELECT lesion_reproduce(m) FROM masks AS m},
	q{SELECT * FROM lesion_drift('masks')}, q{SELECT lesion_model_drop('both')},
	'CREATE TABLE verdicts (LIKE lesion_verdict)', q{SELECT lesion_verdict_add('verdicts', 'masks', '1', 'accept')},
	q{SELECT lesion_verdict_add('verdicts', 'masks', '2', 'correct', NULL, (SELECT mask FROM archive WHERE id = 2))},
	q{SELECT * FROM lesion_review_queue('masks', 'verdicts')},
	q{SELECT * FROM lesion_reviewed_masks('masks', 'verdicts')},
	q{UPDATE masks SET needs_review = true},
	q{SELECT length(lesion_report(predictions => '{masks}', verdicts => 'verdicts', images => '{archive}'))},
	q{CALL lesion_cross_validate('archive', 'unet', 2, epochs => 1, image_sizes => '{16}',
		configs => '[{"base": 4, "depth": 1}]')},
	q{SELECT (lesion_segment_detail(image, 'net')).area FROM archive},
	map { "SELECT * FROM $_" } split /\n/, run_sql($database,
		q{SET search_path = pg_catalog; SELECT 'public.' || viewname FROM pg_views WHERE schemaname = 'public'}),
);
unlike($session->query($_), qr/ERROR/, "nothing is run by: $_") for @calls;
$session->quit;

# An update in such a schema, from checks that hold such operators, as 0.1 and 0.2 once made them.
begin($database);
run_sql($database, q{CREATE EXTENSION lesionseg VERSION '0.1'});
is(system('psql', '-Xqd', $database, '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f',
	"$FindBin::Bin/../data/lesionseg-0.1.sql"), 0, 'a database of 0.1 with data');
run_sql($database, q{ALTER EXTENSION lesionseg UPDATE TO '0.2'});
plant($database);
run_sql($database, q{ALTER TABLE lesion_version DROP CONSTRAINT lesion_version_threshold_check,
	DROP CONSTRAINT lesion_version_temperature_check,
	ADD CONSTRAINT lesion_version_threshold_check CHECK (threshold > 0 AND threshold < 1) NOT VALID,
	ADD CONSTRAINT lesion_version_temperature_check CHECK (temperature > 0 AND temperature < 'infinity') NOT VALID});
like(run_sql($database, $uses), qr/lesion_version_temperature_check/, 'checks that hold them');
$session = Session->new($database);
is($session->query('ALTER EXTENSION lesionseg UPDATE'), '', 'ALTER EXTENSION UPDATE does not run them');
is(run_sql($database, $uses), '', '... nor do its objects use them');
$session->quit;

# Versions from before, in such a schema.
for my $version ('0.1', '0.2') {
	begin($database, $planted);
	$session = Session->new($database);
	is($session->query("CREATE EXTENSION lesionseg VERSION '$version'"), '', "CREATE EXTENSION of $version");
	is($session->query(q{ALTER EXTENSION lesionseg UPDATE TO '0.2'}), '', '... and its update to 0.2')
		if $version eq '0.1';
	is(run_sql($database, $uses), '', '... whose objects use none of them');
	is($session->query('ALTER EXTENSION lesionseg UPDATE'), '', '... and the update to 0.3');
	is(run_sql($database, $uses), '', '... whose objects do not either');
	$session->quit;
}

# Who keeps a table of masks of his own locked holds up the update alone.
begin($database);
my $holder = Session->new($database);
$holder->query(q{CREATE EXTENSION lesionseg VERSION '0.2'; CREATE TABLE held OF lesion_prediction; BEGIN;
	LOCK TABLE held IN ACCESS SHARE MODE});
$session = Session->new($database);
$session->start('ALTER EXTENSION lesionseg UPDATE');
ok(wait_for_lock($session), 'an update waits for a table of masks');
like(run_sql($database, q{SET lock_timeout = '2s'; SELECT count(*) FROM lesion_version}), qr/^\d+$/,
	'... while versions are read');
$holder->query('COMMIT');
is_deeply([$session->finish =~ /(?:ERROR|WARNING): +\w+: ([^\n,]+)/g], ['table held is no longer OF lesion_prediction'],
	'... and then goes on, and says so');
$_->quit for $holder, $session;

# A role that SET LOCAL ROLE took ends with the first transaction: what comes after is not done with other rights.
run_sql($database, q{CREATE ROLE tap_trainer; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public
	TO tap_trainer;
	CREATE TABLE seen_as (role text); GRANT INSERT ON seen_as TO tap_trainer;
	CREATE FUNCTION note(id int) RETURNS int LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO public.seen_as VALUES (current_user); RETURN id; END$$;
	CREATE TABLE pics AS SELECT seed AS id, s.*
		FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 32, 32) AS s;
	CREATE VIEW noted AS SELECT note(id) AS id, image, mask FROM pics;
	CREATE TABLE made (LIKE lesion_prediction); GRANT SELECT ON pics, noted TO tap_trainer;
	GRANT SELECT, INSERT ON made TO tap_trainer});
$session = Session->new($database);
for my $call (q{lesion_retrain('noted', 'local', 2, id_column => 'id', architecture => 'unet',
		config => '{"base": 4, "depth": 1}', image_size => 16)},
	q{lesion_cross_validate('noted', 'unet', folds => 2, epochs => 1, id_column => 'id', model => 'crossed',
		image_sizes => '{16}', configs => '[{"base": 4, "depth": 1}]')},
	q{lesion_predict('noted', 'unet', 'made', batch_size => 4, id_column => 'id')}) {
	like($session->query("DO \$\$ BEGIN SET LOCAL ROLE tap_trainer; CALL $call; END \$\$"),
		qr/ERROR:  55000: the role is no longer what it was/, 'SET LOCAL ROLE before a call that commits');
}
is(run_sql($database, q{SELECT string_agg(DISTINCT role, ' ') FROM seen_as}), 'tap_trainer',
	'... runs the code of a view with no other rights');
is(run_sql($database, q{SELECT string_agg(DISTINCT predicted_by, ' '), count(*) FROM made}), 'tap_trainer|4',
	'... and keeps the rows of the first transaction');
unlike($session->query(q{SET ROLE tap_trainer; CALL lesion_predict('noted', 'unet', 'made', id_column => 'id');
	RESET ROLE}), qr/ERROR/, '... while that of SET ROLE lasts');
$session->quit;

# The script of lesionseg-pacs, where another role made one of its tables before.
my $script = "$FindBin::Bin/../../src/pacs/tables.sql";
begin($database);
run_sql($database, 'CREATE EXTENSION lesionseg; GRANT CREATE ON SCHEMA public TO tap_planter');
is(run_sql($database, "\\i $script"), '', 'the script of lesionseg-pacs makes its tables');
is(run_sql($database, "\\i $script"), '', '... and leaves them');
for my $table (split /\n/, run_sql($database,
	q{SELECT relname FROM pg_class WHERE relname LIKE 'lesion\_pacs\_%' AND relkind = 'r'})) {
	run_sql($database, "ALTER TABLE $table OWNER TO tap_planter");
	isnt(system("psql -Xqd $database -f $script -c 'CREATE TABLE went_on ()' 2>/dev/null"), 0, "an error: $table");
	is(run_sql($database, q{SELECT to_regclass('went_on')}), '', '... that ends the run');
	run_sql($database, "ALTER TABLE $table OWNER TO CURRENT_USER");
}
run_sql('postgres', "DROP DATABASE $_") for $database, $planted;
run_sql('postgres', 'DROP ROLE tap_planter; DROP ROLE tap_trainer');
done_testing();
