# upgrade.pl: a database of 0.1 with data becomes one of 0.3 by ALTER EXTENSION
# UPDATE: the same objects as in a database that began with 0.3, the data kept,
# old versions still at work. Before that, the library of 0.3 says what to do.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database);
use Test::More;
use File::Temp qw(tempdir);

# The statement that writes a run of 0.2 by hand.
sub run_by_hand {
	my ($images, $options) = @_;
	$options //= q{'{}'};
	return "INSERT INTO lesion_run (model, state, images, epochs, seed, options, finished_at)
		VALUES ('unet', 'lost', '$images', 1, 0, $options, now())";
}

my ($old, $new) = ('tap_upgraded', 'tap_fresh');
run_sql('postgres', "DROP DATABASE IF EXISTS $old");
run_sql('postgres', "CREATE DATABASE $old");
run_sql($old, q{CREATE EXTENSION lesionseg VERSION '0.1'});
is(system('psql', '-Xqd', $old, '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f',
	"$FindBin::Bin/../data/lesionseg-0.1.sql"), 0,
	'a database of 0.1 with data');

my $session = Session->new($old);
my $told = qr/ERROR:  55000: this database has lesionseg 0\.1.*\n.*HINT:  Run ALTER EXTENSION lesionseg UPDATE/;
my $image = '(lesion_synthetic(1, 32, 32)).image';
for my $call ("lesion_segment($image, 'old')", "(lesion_segment_detail($image, 'old')).area",
	q{lesion_model_export('old')}, q{lesion_train('lesion_model', 'old')}, q{lesion_evaluate('lesion_model', 'old')},
	q{lesion_model_promote('old', 2)}, q{lesion_model_create('x', 'unet')}, q{lesion_model_drop('old')},
	q{lesion_model_import('x', '')}) {
	like($session->query("SELECT $call"), $told, "before the update: $call");
}
like($session->query(q{CALL lesion_retrain('lesion_model', 'old')}), $told, 'before the update: lesion_retrain');
is($session->query("SELECT lesion_dice(mask, mask) FROM lesion_synthetic(1, 32, 32)"), '1',
	'what needs no models goes on');

my @data = map { "SELECT count(*) || md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM ($_) t" }
	'SELECT model, number, config, weights, sha256, image_size, threshold, split_seed, test_fraction, run
		FROM lesion_version WHERE number > 0',
	'SELECT run, model, version, state, options FROM lesion_run', 'SELECT * FROM lesion_promotion',
	'SELECT * FROM lesion_epoch', 'SELECT evaluation, model, version, n, dice FROM lesion_evaluation';
my @before = map { run_sql($old, $_) } @data;
is(run_sql($old, 'ALTER EXTENSION lesionseg UPDATE; SELECT extversion FROM pg_extension WHERE extname = $$lesionseg$$'),
	'0.3', 'the update');
is_deeply([map { run_sql($old, $_) } @data], \@before, '... keeps all data');

# The same session: the library is loaded, the script is new.
is($session->query(q{SELECT string_agg(model || coalesce(version::text, ''), ' ' ORDER BY model) FROM lesion_models
	WHERE version > 0}), 'old1 unet1', '... and what is active');
my $dice = q{SELECT count(*) FROM generate_series(1, 8) AS seed, lesion_synthetic(seed, 32, 32) AS s
	WHERE lesion_dice(lesion_segment(s.image, 'old'), s.mask) > 0.6};
is($session->query($dice), '8', 'a version of 0.1 segments as well as it did');
is($session->query(q{SELECT encode(sha256(lesion_model_export('old', 1)), 'hex') =
	(SELECT encode(sha256, 'hex') FROM lesion_version WHERE model = 'old' AND number = 1)}), 't',
	'... with the same weights');
run_sql($old, q{CREATE TABLE archive AS SELECT seed AS id, s.image, s.mask FROM generate_series(1, 16) AS seed,
	lesion_synthetic(seed, 32, 32) AS s});
like(run_sql($old, q{SELECT version FROM lesion_train('archive', 'old', 1, image_size => 16, id_column => 'id')}),
	qr/^3$/, 'a model of 0.1 can be trained further');
is(run_sql($old, q{SELECT string_agg(event || version, ' ' ORDER BY entry) FROM lesion_audit}) =~ /^train3/, 1,
	'what is done from now on is audited');

# Objects, by what a user can see of them. Columns are compared in their order.
my @catalogues = (
	['functions', q{SELECT format(
		'%s %s %s vol=%s strict=%s par=%s def=%s cost=%s rows=%s support=%s cfg=%s src=%s lang=%s acl=%s',
		p.prokind, p.oid::regprocedure, pg_get_function_result(p.oid), p.provolatile, p.proisstrict,
		p.proparallel, p.prosecdef, p.procost, p.prorows, p.prosupport, p.proconfig,
		CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_get_function_sqlbody(p.oid) END, l.lanname, p.proacl)
		|| ' ' || pg_get_function_arguments(p.oid) || ' ' || coalesce(obj_description(p.oid, 'pg_proc'), '')
		FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN member ON classid = 'pg_proc'::regclass
		AND objid = p.oid}],
	['aggregates', q{SELECT format('%s %s %s %s %s %s', a.aggfnoid, a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
		a.aggtranstype::regtype, a.agginitval)
		FROM pg_aggregate a JOIN member ON classid = 'pg_proc'::regclass AND objid = a.aggfnoid}],
	['relations', q{SELECT format('%s %s %s acl=%s', c.relkind, c.oid::regclass, c.reloptions, c.relacl)
		|| coalesce(obj_description(c.oid, 'pg_class'), '')
		FROM pg_class c JOIN member ON classid = 'pg_class'::regclass AND objid = c.oid}],
	['rights that are the extension\'s own', q{SELECT format('%s %s %s', i.objoid::regclass, a.attname, i.initprivs)
		FROM pg_init_privs i JOIN member ON classid = classoid AND objid = objoid
		LEFT JOIN pg_attribute a ON attrelid = objid AND attnum = objsubid
		WHERE classid = 'pg_class'::regclass}],
	['columns', q{SELECT format('%s.%s #%s %s nn=%s id=%s st=%s acl=%s def=%s', c.oid::regclass, a.attname,
		row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull,
		a.attidentity, a.attstorage, a.attacl, pg_get_expr(d.adbin, d.adrelid))
		|| coalesce(col_description(c.oid, a.attnum), '')
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		JOIN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass
			UNION ALL SELECT typrelid FROM pg_type JOIN member ON classid = 'pg_type'::regclass AND objid = pg_type.oid
				WHERE typtype = 'c') m
			ON m.objid = c.oid}],
	['constraints', q{SELECT format('%s %s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
		FROM pg_constraint c JOIN member ON classid = 'pg_class'::regclass AND objid = c.conrelid}],
	['indexes', q{SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN member ON classid = 'pg_class'::regclass
		AND objid = i.indrelid}],
	['triggers', q{SELECT format('%s %s', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t
		JOIN member ON classid = 'pg_class'::regclass AND objid = t.tgrelid WHERE NOT t.tgisinternal}],
	['views', q{SELECT c.oid::regclass::text || pg_get_viewdef(c.oid) FROM pg_class c
		JOIN member ON classid = 'pg_class'::regclass AND objid = c.oid
		WHERE relkind = 'v'}],
	['types', q{SELECT format('%s %s ', t.oid::regtype, t.typtype) || coalesce(obj_description(t.oid, 'pg_type'), '')
		FROM pg_type t
		JOIN member ON classid = 'pg_type'::regclass AND objid = t.oid}],
	['all members', q{SELECT regexp_replace(pg_describe_object(classid, objid, 0), 'pg_toast_\d+', '') FROM member}],
	['tables that are dumped', q{SELECT format('%s %s', c::regclass, w)
		FROM pg_extension, unnest(extconfig, extcondition) AS u (c, w) WHERE extname = 'lesionseg'}],
	['bundled models', q{SELECT format('%s %s %s', name, architecture, config) FROM lesion_model WHERE bundled}],
	['bundled versions', q{SELECT format('%s %s %s', model, number,
		to_jsonb(v) - '{weights,created_at,created_by,model,number}'::text[])
		FROM lesion_version v WHERE number <= 0}],
);
fresh_database($new);
for my $catalogue (@catalogues) {
	my ($name, $sql) = @$catalogue;
	my $query = "SET search_path = public; WITH member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
		AND refclassid = 'pg_extension'::regclass
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lesionseg')) SELECT line FROM ($sql) AS x (line)
		ORDER BY line COLLATE \"C\"";
	my @upgraded = split /\n/, run_sql($old, $query);
	my @fresh = split /\n/, run_sql($new, $query);
	my (%upgraded, %fresh);
	$upgraded{$_}++ for @upgraded;
	$fresh{$_}++ for @fresh;
	is_deeply(\@upgraded, \@fresh, "$name are those of a fresh database")
		or diag(join "\n", (map { "updated only: $_" } grep { !$fresh{$_} } @upgraded),
			(map { "fresh only: $_" } grep { !$upgraded{$_} } @fresh));
}

# The scripts mean the same whatever the database says of how SQL is read.
my $odd = 'tap_odd_settings';
run_sql('postgres', "DROP DATABASE IF EXISTS $odd");
run_sql('postgres', "CREATE DATABASE $odd");
run_sql('postgres', "ALTER DATABASE $odd SET $_") for 'array_nulls = off', 'standard_conforming_strings = off',
	'escape_string_warning = off', 'quote_all_identifiers = on', 'transform_null_equals = on',
	q{DateStyle = 'SQL, DMY'}, q{IntervalStyle = 'sql_standard'},
	q{bytea_output = 'escape'}, 'extra_float_digits = -15';
for my $made ('CREATE EXTENSION lesionseg', q{CREATE EXTENSION lesionseg VERSION '0.2';
	SET client_min_messages = error; ALTER EXTENSION lesionseg UPDATE}) {
	run_sql($odd, $made);
	is(run_sql($odd, q{SELECT strpos(pg_get_expr(proargdefaults, 0), 'ARRAY[NULL') > 0 FROM pg_proc
		WHERE proname = 'lesion_cross_validate'}), 't', 'the default is NULL, not a text: ' . substr($made, 0, 36));
	run_sql($odd, 'DROP EXTENSION lesionseg');
}

# Tables of masks that were made OF the type of 0.2 are let go.
my $typed = 'tap_typed';
run_sql('postgres', "DROP DATABASE IF EXISTS $typed");
run_sql('postgres', "CREATE DATABASE $typed");
run_sql($typed, q{CREATE EXTENSION lesionseg VERSION '0.2'; CREATE SCHEMA clinic;
	CREATE TABLE clinic."Masks" OF lesion_prediction (PRIMARY KEY (images, id, model, version));
	INSERT INTO clinic."Masks" (images, id, model, version) VALUES ('a', 'b', 'c', 1)});
my $holder = Session->new($typed);
$holder->query('CREATE TEMP TABLE mine OF lesion_prediction');	# of another session: in nobody's way
run_sql($typed, 'SET client_min_messages = error; ALTER EXTENSION lesionseg UPDATE');
is(run_sql($typed, q{SELECT extversion FROM pg_extension WHERE extname = 'lesionseg'}), '0.3',
	"a temporary table of another session keeps no database at 0.2");
$holder->quit;
run_sql($typed, 'SET client_min_messages = error; DROP EXTENSION lesionseg CASCADE');
is(run_sql($typed, 'SELECT count(*) FROM clinic."Masks"'), '1',
	'masks of 0.2 stay when the extension of 0.3 is dropped');

# What an administrator has taken from everyone is not given back, or named.
my $closed = 'tap_closed';
run_sql('postgres', "DROP DATABASE IF EXISTS $closed");
run_sql('postgres', "CREATE DATABASE $closed");
run_sql($closed, q{CREATE EXTENSION lesionseg VERSION '0.2'; REVOKE SELECT ON lesion_version, lesion_run FROM PUBLIC;
	REVOKE EXECUTE ON FUNCTION lesion_segment(bytea, text, float8, boolean, text, jsonb), lesion_drift(regclass)
	FROM PUBLIC});
my $said = `psql -Xqd $closed -c 'ALTER EXTENSION lesionseg UPDATE' 2>&1`;
like($said, qr/WARNING: .*lesion_drift\(regclass\) is replaced, and EXECUTE is granted to PUBLIC again/,
	'a function that is replaced is named');
unlike($said, qr/lesion_(segment|train|evaluate)\(/, '... and no other');
is(run_sql($closed, q{SELECT has_any_column_privilege('public', 'lesion_version', 'SELECT')
	OR has_any_column_privilege('public', 'lesion_run', 'SELECT') OR has_function_privilege('public',
	'lesion_segment(bytea, text, float8, boolean, text, jsonb)', 'EXECUTE')}), 'f', 'other rights stay away');

# All that everyone may do again, of what there was before, is named. (A function with one more argument beside the
# one that there was is a new one.)
for my $from ('0.1', '0.2') {
	run_sql('postgres', "DROP DATABASE IF EXISTS $closed");
	run_sql('postgres', "CREATE DATABASE $closed");
	run_sql($closed, "CREATE EXTENSION lesionseg VERSION '$from';
		REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM PUBLIC;
		REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC");
	my $members = q{SELECT p.proname::text AS name, has_function_privilege('public', p.oid, 'EXECUTE') AS open
		FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		WHERE p.pronamespace = 'public'::regnamespace
		UNION SELECT c.relname, has_any_column_privilege('public', c.oid, 'SELECT')
		FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		WHERE c.relkind IN ('r', 'v')};
	run_sql($closed, "CREATE TABLE before AS SELECT DISTINCT name FROM ($members) AS m");
	$said = `psql -Xqd $closed -c 'ALTER EXTENSION lesionseg UPDATE' 2>&1`;
	my @opened = split /\n/, run_sql($closed,
		"SELECT name FROM ($members) AS m JOIN before USING (name) GROUP BY name HAVING bool_and(open) ORDER BY name");
	cmp_ok(@opened, '>', 5, "what the update from $from makes again is open to all again");
	is_deeply([grep { $said !~ /WARNING: .*\b$_\b.* is replaced, and/ } @opened], [], '... and is named');
}

# Rights that users gave stay theirs: a dump has them, also when the role of one of them is gone.
my ($granted, $given) = ('tap_granted', 'tap_given');
for my $from ('0.1', '0.2') {
	for my $database ($granted, $given) {
		run_sql('postgres', "DROP DATABASE IF EXISTS $database");
		run_sql('postgres', "CREATE DATABASE $database");
	}
	run_sql($granted, "SET client_min_messages = error; DROP ROLE IF EXISTS tap_trainer, tap_gone;
		CREATE ROLE tap_trainer; CREATE ROLE tap_gone; CREATE EXTENSION lesionseg VERSION '$from';
		GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO tap_trainer, tap_gone;
		GRANT UPDATE (model) ON lesion_version TO tap_trainer; ALTER EXTENSION lesionseg UPDATE;
		DROP OWNED BY tap_gone; DROP ROLE tap_gone");
	is(`pg_dump -Fc $granted | pg_restore --exit-on-error -d $given 2>&1`, '',
		"a database that was updated from $from is restored");
	my $rights = q{SELECT string_agg(line, E'\n' ORDER BY line) FROM (SELECT format('%s %s %s', c.relname, a.grantee,
			a.privilege_type) FROM pg_class c, aclexplode(c.relacl) AS a WHERE c.relname ~ '^lesion'
		UNION ALL SELECT format('%s.%s %s %s', t.attrelid::regclass, t.attname, a.grantee, a.privilege_type)
			FROM pg_attribute t, aclexplode(t.attacl) AS a WHERE t.attrelid::regclass::text ~ '^lesion') AS r (line)};
	is_deeply([split /\n/, run_sql($given, $rights)], [split /\n/, run_sql($granted, $rights)],
		'... with the same rights');
	run_sql($granted, 'DROP OWNED BY tap_trainer');
	run_sql($given, 'DROP OWNED BY tap_trainer; DROP ROLE tap_trainer');
}

# Rows that a role with INSERT wrote by hand, which 0.2 let it, are not taken for true.
my $forged = 'tap_forged';
run_sql('postgres', "DROP DATABASE IF EXISTS $forged");
run_sql('postgres', "CREATE DATABASE $forged");
run_sql($forged, q{CREATE EXTENSION lesionseg VERSION '0.2'; SET client_min_messages = error;
	DROP ROLE IF EXISTS tap_forger; CREATE ROLE tap_forger;
	GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO tap_forger});
my $update = 'ALTER EXTENSION lesionseg UPDATE';
for my $case (
	["INSERT INTO lesion_promotion (promotion, model, version, reason) OVERRIDING SYSTEM VALUE
		VALUES (9223372036854775806, 'unet', 1, 'better')", 'lesion_promotion 9223372036854775806'],
	["INSERT INTO lesion_evaluation (evaluation, model, version, images, subset, split_seed, test_fraction, threshold,
		n, dice, iou, jaccard, f1, threshold_jaccard, sensitivity, specificity, precision, accuracy, skipped, broken,
		images_per_second, seconds) OVERRIDING SYSTEM VALUE
		VALUES (-9, 'unet', 1, 'a', 'test', 0, 0.2, 0.5, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1)",
		'lesion_evaluation -9'],
	["INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
		VALUES ('mine', 0, '{}', '', sha256(''), 32, '0.2')", 'lesion_version (mine, 0)'],
	["INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
		VALUES ('linknet', 2147483647, '{}', '', sha256(''), 32, '0.2')", 'lesion_version (linknet, 2147483647)'],
	["INSERT INTO lesion_model (name, architecture, bundled) VALUES ('lesion', 'lesion', true)",
		'lesion_model lesion'],
	["INSERT INTO lesion_evaluation (model, version, images, subset, split_seed, test_fraction, threshold,
		n, dice, iou, jaccard, f1, threshold_jaccard, sensitivity, specificity, precision, accuracy, skipped, broken,
		images_per_second, seconds, evaluated_at)
		VALUES ('unet', 1, 'a', 'test', 0, 0.2, 0.5, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 'infinity')",
		'lesion_evaluation 1'],
	["INSERT INTO lesion_robustness_score SELECT 'unet', 1, 'a', 'all', 'blur', 5, 'off', 0.5, -1e308, 9, 0, 0.5, false,
		now()", 'lesion_robustness_score (unet, 1)'],
	["INSERT INTO lesion_image_score VALUES (5, 'a', 1, 1, 'NaN', 1, 1)", 'lesion_image_score (5, a)'],
	["INSERT INTO lesion_image_score VALUES (5, 'a', 1, 1, 1, 1, '-1e308')", 'lesion_image_score (5, a)'],
	[run_by_hand('a.b.c.d'), 'lesion_run 1'],
	[run_by_hand('a', q{jsonb_build_object('validation_fraction', 'half')}), 'lesion_run 2'],
	[run_by_hand('a', q{jsonb_build_object('validation_fraction', 5)}), 'lesion_run 3']) {
	my ($row, $named) = @$case;
	my $write = "BEGIN; SET LOCAL session_replication_role = replica; $row";
	my $refused = `psql -Xqd $forged -c "$write" -c '$update' 2>&1`;
	like($refused, qr/\QERROR:  the row $named was written by hand\E/, "the update names $named");
}
my $early = 'tap_early';
run_sql('postgres', $_) for "DROP DATABASE IF EXISTS $early", "CREATE DATABASE $early";
run_sql($early, q{CREATE EXTENSION lesionseg VERSION '0.1';
	INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
	VALUES ('linknet', 0, '{}', 'mine', sha256('mine'), 32, '0.1')});
like(`psql -Xqd $early -c '$update' 2>&1`, qr/ERROR:  the row lesion_version \(linknet, 0\) was written by hand/,
	'... and in 0.1 a version that would be taken for one of the release');
run_sql($early, q{DELETE FROM lesion_version WHERE number = 0;
	INSERT INTO lesion_model (name, architecture, bundled) VALUES ('maskrcnn', 'maskrcnn', true)});
like(`psql -Xqd $early -c '$update' 2>&1`, qr/ERROR:  the row lesion_model maskrcnn was written by hand/,
	'... and a model of the next release');
run_sql($early, q{DELETE FROM lesion_model WHERE name = 'maskrcnn';
	INSERT INTO lesion_run (model, state, images, epochs, seed, options, finished_at)
	VALUES ('linknet', 'lost', 'a', 9, 0, '{}', now());
	INSERT INTO lesion_checkpoint (run, epoch, state, engine) SELECT run, 1, 'planted', '' FROM lesion_run});
like(`psql -Xqd $early -c '$update' 2>&1`, qr/WARNING:  trainings that were stopped begin anew/,
	'a checkpoint that a role may have planted is told of');
is(run_sql($early, 'SELECT count(*) FROM lesion_checkpoint'), '0', '... and goes');
run_sql($forged, q{SET session_replication_role = replica;
	INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, metadata, extension_version)
	VALUES ('linknet', 77, '{}', 'planted', sha256('planted'), 32, '{"bundled": true}', '0.2')});
like(`psql -Xqd $forged -c '$update' 2>&1`,
	qr/WARNING:  versions that called themselves bundled.*WARNING:  tap_forger may read which images/s,
	'a version that calls itself bundled is not, and readers of the digests are named');
is(run_sql($forged, q{SELECT count(*) FROM lesion_version WHERE number = 77 AND metadata ? 'bundled'}), '0',
	'... whose weights are no part of the ensemble');
run_sql($forged, 'DROP OWNED BY tap_forger; DROP ROLE tap_forger');

# The weights that come with 0.3 reach a database that has others. Those stay
# version 0, with what was made by them, and active where someone promoted them.
SKIP: {
	my $file = run_sql($new, q{SELECT encode(sha256, 'hex') FROM lesion_version
		WHERE model = 'linknet' AND number = 0});
	skip 'no bundled weights are installed', 19 if $file eq '';
	my $renewed = 'tap_renewed';
	run_sql('postgres', "DROP DATABASE IF EXISTS $renewed");
	run_sql('postgres', "CREATE DATABASE $renewed");
	run_sql($renewed, q{CREATE EXTENSION lesionseg VERSION '0.2'; SET session_replication_role = replica;
		INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
		SELECT name, 0, config, 'former', sha256('former'), 64, '0.2' FROM lesion_model
		WHERE name IN ('linknet', 'unet');
		INSERT INTO lesion_promotion (model, version, reason) VALUES ('unet', 0, 'by hand')});
	run_sql($renewed, 'ALTER EXTENSION lesionseg UPDATE');
	is(run_sql($renewed, q{SELECT string_agg(format('%s %s/%s', model, version, versions), ', ' ORDER BY model)
		FROM lesion_models WHERE model IN ('convmixer', 'linknet', 'unet')}), 'convmixer 0/1, linknet 1/2, unet 0/2',
		'weights of 0.3 are active after the update, unless a version was promoted');
	is(run_sql($renewed, q{SELECT encode(new.sha256, 'hex') || ' ' || convert_from(former.weights, 'UTF8')
		FROM lesion_version AS new JOIN lesion_version AS former USING (model)
		WHERE model = 'linknet' AND new.number = 1 AND former.number = 0}), "$file former",
		'... the former ones are version 0 still');

	# Its dump has them, and a restore puts them where CREATE EXTENSION has made those of the release; and so again.
	my ($folder, $again) = (tempdir(CLEANUP => 1), 'tap_renewed_again');
	my $content = q{SELECT string_agg(format('%s %s %s %s %s', model, number, sha256, config, image_size), ', '
		ORDER BY model, number) FROM lesion_version};
	my $referring = q{SELECT string_agg(p::text, ' ') FROM lesion_promotion AS p};
	for my $target ($again, "${again}_yet") {
		run_sql('postgres', "DROP DATABASE IF EXISTS $target");
		run_sql('postgres', "CREATE DATABASE $target");
		is(system("pg_dump -Fd -f $folder/$target $renewed"), 0, 'it is dumped');
		like(`pg_restore -v --exit-on-error -j 4 -d $target $folder/$target 2>&1; echo \$?`,
			qr/WARNING:  the bundled version of "linknet" is the one that comes with these rows.*\n0\n\z/s,
			'... and restored, with a warning');
		is(run_sql($target, $content), run_sql($renewed, $content), '... with the former weights as versions 0');
		is(run_sql($target, $referring), run_sql($renewed, $referring), '... and what refers to them');
		is(run_sql($target, 'SELECT count(*) FROM lesion_audit'), '0', '... and nothing else is recorded');
		$renewed = $target;
	}
	run_sql('postgres', "DROP DATABASE ${again}_yet");

	# Who may add versions could have imported them before, to be used in another way: theirs are no bundled ones. What
	# the next release would do: an extension's script runs while this one's files are registered again.
	my $sown = 'tap_sown';
	fresh_database($sown);
	run_sql($sown, q{DROP ROLE IF EXISTS tap_sower; CREATE ROLE tap_sower; GRANT INSERT ON lesion_version TO tap_sower;
		CREATE TABLE traits AS SELECT model, image_size, threshold, temperature, enhance, dice_coefficients
			FROM lesion_version;
		SET ROLE tap_sower; SELECT lesion_model_import('linknet', lesion_model_export('linknet'), image_size => 32,
			threshold => 0.99, promote => false); RESET ROLE;
		SET session_replication_role = replica;
		UPDATE lesion_version SET config = replace(config::text, encode((SELECT sha256 FROM lesion_version
			WHERE model = 'linknet' AND number = 0), 'hex'), encode(sha256('former'), 'hex'))::jsonb
			WHERE model = 'lesion';
		UPDATE lesion_version SET weights = 'former', sha256 = sha256('former')
			WHERE model = 'linknet' AND number = 0});
	run_sql($sown, q{CREATE FUNCTION register() RETURNS void AS '$libdir/lesionseg', 'lesion_register_bundled'
			LANGUAGE C;
		CREATE FUNCTION register_again() RETURNS event_trigger LANGUAGE plpgsql
			AS 'BEGIN PERFORM public.register(); END';
		CREATE EVENT TRIGGER register_again ON ddl_command_start WHEN TAG IN ('CREATE FUNCTION')
			EXECUTE FUNCTION register_again()});
	my $release = 'DROP EXTENSION IF EXISTS tcn; CREATE EXTENSION tcn';	# the extension of one function
	my $brought = q{SELECT string_agg(number || coalesce(metadata ->> 'bundled', ''), ' ' ORDER BY number)
		FROM lesion_version WHERE model = };
	my $used = q{SELECT count(*) FROM traits NATURAL JOIN lesion_version AS v WHERE };
	run_sql($sown, $release);
	is(run_sql($sown, "$brought 'linknet'"), '0 1 2true', 'a version that a role imported is not that of the release');
	is(run_sql($sown, q{SELECT version FROM lesion_models WHERE model = 'linknet'}), '2', '... which becomes active');
	is(run_sql($sown, "$used model = 'linknet' AND number = 2"), '1', '... with the traits that came with it');
	is(run_sql($sown, q{SELECT m ->> 'version' FROM lesion_version, jsonb_array_elements(config -> 'members') AS m
		WHERE model = 'lesion' AND number = 1 AND m ->> 'model' = 'linknet'}), '2',
		'... and is the member of the ensemble');
	run_sql($sown, q{SET session_replication_role = replica;
		UPDATE lesion_version SET metadata = '{"fitted_on": "elsewhere"}', threshold = 0.99, created_by = 'tap_sower'
		WHERE model = 'lesion' AND number = 1});
	run_sql($sown, $release);
	is(run_sql($sown, "$brought 'lesion'"), '0 1 2true', 'nor is an ensemble of the same members that a role fitted');
	is(run_sql($sown, "$used model = 'lesion' AND number = 2"), '1', '... with other traits');
	run_sql($sown, $release);
	is(run_sql($sown, 'SELECT count(*) FROM lesion_version WHERE number > 0'), '4', '... what came once comes no more');
	run_sql($sown, 'REVOKE ALL ON lesion_version FROM tap_sower; DROP ROLE tap_sower');
}

# A model of a user's own that has the name of the bundled ensemble keeps it, in
# this database and in one that its dump is restored into.
my ($own, $restored) = ('tap_own', 'tap_own_restored');
run_sql('postgres', $_) for map { ("DROP DATABASE IF EXISTS $_", "CREATE DATABASE $_") } $own, $restored;
run_sql($own, q{CREATE EXTENSION lesionseg VERSION '0.2'; CREATE TABLE masks OF lesion_prediction;
	SET session_replication_role = replica;
	INSERT INTO lesion_model (name, architecture) VALUES ('lesion', 'unet');
	INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
	SELECT name, 1, config, 'mine', sha256('mine'), 64, '0.2' FROM lesion_model WHERE name = 'lesion';
	INSERT INTO lesion_promotion (model, version, reason) VALUES ('lesion', 1, 'by hand');
	INSERT INTO lesion_audit (event, model, role, login) VALUES ('create', 'lesion', 'me', 'me')});
my $warned = `psql -Xqd $own -c '$update' 2>&1`;
like($warned, qr/WARNING:  the model "lesion" is one that "\w+" made, and not that of/,
	"the update says that calls which name no model get a user's own");
like($warned, qr/WARNING:  table masks is no longer OF lesion_prediction/, '... and whose tables of masks are');
my $mine = q{SELECT concat_ws(' ', m.architecture, m.version, m.versions, m.bundled, m.created_at, v.number,
	convert_from(v.weights, 'UTF8'),
	(SELECT string_agg(format('%s %s %s', entry, event, role), ', ') FROM lesion_audit))
	FROM lesion_models AS m JOIN lesion_version AS v USING (model) WHERE model = 'lesion'};
like(run_sql($own, $mine), qr/^unet 1 1 f .* 1 mine 1 create me$/, "a user's own model named lesion keeps its name");
my $dump = tempdir(CLEANUP => 1) . '/own';
is(system("pg_dump -Fd -f $dump $own"), 0, 'its database is dumped');
like(`pg_restore -v -j 4 -d $restored $dump 2>&1; echo \$?`,
	qr/WARNING:  the model "lesion" is one that "\w+" made, and not that of this release.*\n0\n\z/s,
	'... and restored, with the same warning');
is(run_sql($restored, $mine), run_sql($own, $mine),
	'... where it takes the place of the ensemble, and nothing else is recorded');

# Back to 0.1 there is no way, and the database can be dumped.
isnt(system("psql -Xqd $old -c \"ALTER EXTENSION lesionseg UPDATE TO '0.1'\" 2>/dev/null"), 0, 'there is no way back');
is(system("pg_dump -Fc $old >/dev/null"), 0, 'an updated database can be dumped');
$session->quit;
done_testing();
