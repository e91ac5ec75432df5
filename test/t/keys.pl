# keys.pl: images that stand on another server, or that a view computes. Ids are
# listed without them, and they are fetched by key, a batch at a time: the other
# server's statements say so, its images are counted, and so are the bytes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Door;
use Session qw(run_sql fresh_database);
use Test::More;

my ($here, $there) = ('tap_keys', 'tap_keys_elsewhere');
fresh_database($_) for $here, $there;

my $door = Door->new($ENV{PGHOST});

# The other server: views whose images are counted as they are computed, and statements are logged.
run_sql($there, q{CREATE TABLE stored AS
	SELECT id, s.image, s.mask FROM generate_series(1, 250) AS id, lesion_synthetic(id, 64, 64) AS s;
	CREATE SEQUENCE looks;
	CREATE FUNCTION look(picture bytea) RETURNS bytea LANGUAGE plpgsql STABLE COST 100000 AS
	$$BEGIN PERFORM nextval('public.looks'); RETURN picture; END$$;
	CREATE VIEW pictures AS SELECT id, id::text COLLATE "C" AS code, id::numeric AS number,
		timestamptz '2026-01-01' + id * interval '1 s' AS at, look(image) AS image, mask FROM stored;
	CREATE VIEW few AS SELECT * FROM pictures WHERE id <= 40;
	CREATE VIEW holes AS SELECT id, CASE WHEN id % 2 = 0 THEN look(image) END AS image FROM stored WHERE id <= 20});
run_sql('postgres', "ALTER DATABASE $there SET log_statement = 'all'");
my $columns = 'id int, code text COLLATE "C", number numeric, at timestamptz, image bytea, mask bytea';
run_sql($here, qq{CREATE EXTENSION postgres_fdw;
	CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '@{[$door->directory]}', port '5432', dbname '$there');
	CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (user '$ENV{PGUSER}');
	CREATE FOREIGN TABLE far ($columns) SERVER elsewhere OPTIONS (table_name 'pictures');
	CREATE FOREIGN TABLE few ($columns) SERVER elsewhere OPTIONS (table_name 'few');
	CREATE FOREIGN TABLE holes (id int, image bytea) SERVER elsewhere OPTIONS (table_name 'holes');
	CREATE TABLE near AS
	SELECT id, s.image, s.mask FROM generate_series(1, 40) AS id, lesion_synthetic(id, 64, 64) AS s;
	CREATE TABLE masks (LIKE lesion_prediction)});

# Run a statement here: what it printed, the images looked at there, the bytes
# that came, the statements there.
sub run_counted {
	my ($sql) = @_;
	run_sql($there, q{SELECT setval('looks', 1, false)});
	$door->forget;
	my $before = -s $ENV{LESIONSEG_LOG};
	my $session = Session->new($here);
	my $said = $session->query($sql);
	$session->quit;
	open my $log, '<', $ENV{LESIONSEG_LOG} or die;
	seek $log, $before, 0;
	my @lines = map { s/\n\t/ /gr } split /\n(?!\t)/, join '', <$log>;
	my @statements = map { /DECLARE c\d+ CURSOR FOR\s*(.*)/ ? $1 : () } @lines;
	return {
		said => $said, bytes => $door->came, statements => \@statements,
		looks => run_sql($there, q{SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM looks})
	};
}
my ($first_100, $of_40, $masks_of_40) = map { run_sql($there, "SELECT sum(length($_) FROM stored") } (
	'image)) FILTER (WHERE id::text IN (SELECT id::text FROM stored ORDER BY id::text COLLATE "C" LIMIT 100)',
	'image)) FILTER (WHERE id <= 40', 'mask)) FILTER (WHERE id <= 40');

my $quiet = 'SET client_min_messages = error;';
sub predict {
	my ($images, $id, $batch) = ($_[0], $_[1] // 'id', $_[2] // 100);
	return "CALL lesion_predict('$images', 'net', 'masks', id_column => '$id', batch_size => $batch)";
}
my $net = q{architecture => 'unet', image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
run_sql($here, "$quiet SELECT lesion_train('near', 'net', 1, id_column => 'id', $net)");

# A batch.
my $run = run_counted($quiet . predict('far') =~ s/\)$/, max_minutes => 1e-9)/r);
is($run->{looks}, 100, 'a batch of 100 looks at 100 images');
cmp_ok($run->{bytes}, '>', 2 * $first_100, '... which come in hexadecimal');
cmp_ok($run->{bytes}, '<', 2 * $first_100 + 20_000, '... and next to nothing else comes');
is($run->{statements}[0], 'SELECT id FROM public.pictures', 'ids are listed without images');
like($run->{statements}[1],
	qr/^SELECT id, image FROM public\.pictures WHERE \(\(id = ANY \('\{1,10,100(,\d+){97}\}'::integer\[\]\)\)\)$/,
	'images are asked for by key');
is(scalar @{$run->{statements}}, 2, '... once');

# All of them, and then none.
$run = run_counted(predict('far'));
like($run->{said}, qr/249 images of public\.far segmented, 0 broken/, 'all images');
is($run->{looks}, 249, '... are looked at once');
$run = run_counted(predict('far'));
is($run->{looks}, 0, 'where nothing is to be done no image is looked at');
is(run_sql($here, q{SELECT count(*) FROM masks AS m JOIN near AS n ON m.id = n.id::text
	WHERE m.mask = lesion_segment(n.image, 'net')}), 40,
	'the masks are those of the same images here');

# Keys of other types.
for my $key (qw(code number at)) {
	$run = run_counted("$quiet TRUNCATE masks; " . predict('few', $key, 20));
	is($run->{looks}, 40, "key $key: each image is looked at once");
	like((grep { /, image FROM/ } @{$run->{statements}})[0], qr/WHERE \(\($key = ANY \(/, '... and asked for by it');
	is(run_sql($here, 'SELECT count(mask) FROM masks'), 40, '... and has a mask');
}

# NULLs are seen when they are fetched.
$run = run_counted(predict('holes', 'id', 6));
like($run->{said}, qr/10 images of public\.holes segmented, 0 broken\nDETAIL:.*\b10 rows have no image/,
	'rows without an image are counted');
is($run->{looks}, 10, '... beside those that have one');
is(run_sql($here, q{SELECT count(mask) FROM masks WHERE images = 'public.holes'}), 10, '... which have their masks');

# Training: the same images give the same weights, wherever they are.
my $train = sub { "$quiet SELECT lesion_train('$_[0]', '$_[1]', 2, id_column => 'id', $net)" };
run_sql($here, $train->('near', 'by_table'));
$run = run_counted($train->('few', 'by_server'));
my $test = run_sql($here, q{SELECT count(*) FROM near WHERE lesion_split(id::text) = 'test'});
is($run->{looks}, 40 + $test, 'training looks at each image once, and at test images again to score them');
unlike($run->{statements}[1], qr/image|mask/, '... which are listed without');
like($run->{statements}[2],
	qr/^SELECT id, image, mask FROM public\.few WHERE \(\(id = ANY \('\{(\d+,){15}\d+\}'::integer\[\]\)\)\)$/,
	'... and asked for by key');
my $weights = q{SELECT count(DISTINCT sha256) FROM lesion_version WHERE model LIKE 'by_%'};
is(run_sql($here, $weights), 1, '... and gives the same weights');
$run = run_counted(qq{$quiet SELECT lesion_evaluate('few', 'by_server', id_column => 'id')});
is($run->{looks}, $test, 'evaluation looks at test images alone');
cmp_ok($run->{bytes}, '<', $of_40 + $masks_of_40, '... and no others come');
is(run_sql($here, q{SELECT count(DISTINCT dice) FROM lesion_evaluation WHERE model LIKE 'by_%' AND subset = 'test'}),
	1,
	 '... with the score of the same images here');
$run = run_counted(qq{$quiet SELECT lesion_robustness('few', 'by_server', 'all', kinds => '{noise}',
	severities => '{1}', modes => '{off}', max_images => 5, id_column => 'id')});
is($run->{looks}, 5, 'a sample of 5 looks at 5');

# A view here.
run_sql($here, q{CREATE SEQUENCE looks;
	CREATE FUNCTION look(picture bytea) RETURNS bytea LANGUAGE plpgsql STABLE COST 100000 AS
	$$BEGIN PERFORM nextval('public.looks'); RETURN picture; END$$;
	CREATE VIEW seen AS SELECT id, look(image) AS image, mask FROM near;
	CREATE FUNCTION restless(picture bytea) RETURNS bytea LANGUAGE plpgsql AS
	$$BEGIN RETURN picture; END$$;
	CREATE VIEW restless AS SELECT id, restless(image) AS image, mask FROM near});
my $looks = sub {
	run_sql($here, "SELECT setval('looks', 1, false)");
	run_sql($here, "$quiet $_[0]");
	return run_sql($here, 'SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM looks');
};
is($looks->(predict('seen', 'id', 7) =~ s/\)$/, max_minutes => 1e-9)/r), 7,
	'a batch of a view computes its images alone');
is($looks->(predict('seen', 'id', 7)), 39, 'the others once');
is($looks->(predict('seen')), 0, 'and none to see that nothing is left');
run_sql($here, 'CREATE VIEW half AS SELECT id, image FROM near WHERE id > 20
	UNION ALL SELECT id, image FROM seen WHERE id <= 20');
is($looks->(predict('half')), 20, 'of a view, half of whose images are computed, as well');
is($looks->($train->('seen', 'by_view')), 40 + $test, 'training computes them as often as it needs');
is(run_sql($here, $weights), 1, '... and gives the same weights');
like(run_counted(predict('restless'))->{said},
	qr/WARNING:.*column "image" of the view public\.restless comes of a volatile function/,
	'a volatile function is warned of');

# A server whose texts are not in this database's encoding: none is stored, since no dump of it could be restored.
my $liar = Door->new($ENV{PGHOST}, 'qqqq', "\xff\xff\xff\xff");
run_sql($there, q{CREATE FUNCTION fail() RETURNS bytea LANGUAGE plpgsql STABLE COST 100000 AS
	$$BEGIN RAISE EXCEPTION 'qqqq'; END$$;
	CREATE VIEW odd AS SELECT 'qqqq' || id AS code, id, image, mask FROM stored WHERE id <= 20;
	CREATE VIEW failing AS SELECT id, fail() AS image, mask FROM stored WHERE id <= 20});
run_sql($here, qq{CREATE SERVER liar FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '@{[$liar->directory]}', port '5432', dbname '$there');
	CREATE USER MAPPING FOR CURRENT_USER SERVER liar OPTIONS (user '$ENV{PGUSER}');
	CREATE FOREIGN TABLE odd (code text, image bytea, mask bytea) SERVER liar;
	CREATE FOREIGN TABLE failing (id int, image bytea, mask bytea) SERVER liar});
my $trusting = Session->new($here);
like($trusting->query(q{CALL lesion_retrain('odd', 'odd', 1, architecture => 'unet', id_column => 'code')}),
	qr/^ERROR:  22021: the images have an id or a group that is not in this database's encoding/m,
	'ids that are no text');
like($trusting->query(q{CALL lesion_retrain('failing', 'failing', 1, architecture => 'unet', id_column => 'id')}),
	qr/^ERROR:  P0001: /m, 'an error whose message is none');
is(run_sql($here, q{SELECT error FROM lesion_run WHERE model = 'failing'}),
	"a message that is not in this database's encoding", '... is not stored');
$trusting->quit;

# Large objects, as a PACS keeps its files: lo_get is volatile, a STABLE function that calls it will do.
run_sql($here, q{CREATE TABLE storage (uuid text PRIMARY KEY, content oid);
	INSERT INTO storage SELECT 'x' || id, lo_from_bytea(0, image) FROM near;
	CREATE FUNCTION content(file oid) RETURNS bytea LANGUAGE sql STABLE RETURN lo_get(file);
	CREATE VIEW instances AS SELECT uuid, content(content) AS image FROM storage});
unlike(run_sql($here, 'EXPLAIN (VERBOSE, COSTS OFF) SELECT uuid FROM instances'), qr/lo_get|content\(/,
	'a list of large objects reads none');
my $said = run_counted(predict('instances', 'uuid'))->{said};
like($said, qr/40 images of public\.instances segmented, 0 broken/, '... which are segmented');
unlike($said, qr/WARNING/, '... without a word');

run_sql('postgres', "DROP DATABASE $_") for $here, $there;
done_testing();
