# servers.pl: a database moves from an older server to this one, by pg_upgrade
# and by a dump that four jobs restore. Both servers need lesionseg. The older
# one is that of OLDER_PG_CONFIG, else the oldest in Debian's folders.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use File::Temp;
use Session qw(run_sql fill_archive content_query as_owner);
use Test::More;

# What a server's pg_config says.
sub config {
	my ($program, $option) = @_;
	open my $pipe, '-|', $program, $option or die "$program: $!\n";
	chomp(my $answer = <$pipe>);
	close $pipe or die "$program $option failed\n";
	return $answer;
}

# A server's major version.
sub major {
	my ($program) = @_;
	return config($program, '--version') =~ /(\d+)/ ? $1 : die "$program has no version\n";
}

# Minor releases of all major versions appear together. Which of them, counted as those of 15 are: 16.1
# came with 15.5, 17.1 with 15.9, 18.1 with 15.15.
sub round_of_releases {
	my ($version) = @_;
	my %before = (15 => 0, 16 => 4, 17 => 8, 18 => 14);
	my ($major, $minor) = $version =~ /(\d+)\.(\d+)/;
	return defined $minor && defined $before{$major} ? $minor + $before{$major} : undef;
}

my $here = run_sql('postgres', q{SELECT current_setting('server_version_num')::int / 10000});
my ($older) = grep { major($_) < $here && -e config($_, '--pkglibdir') . '/lesionseg.so' }
	$ENV{OLDER_PG_CONFIG} // sort glob '/usr/lib/postgresql/*/bin/pg_config';
plan skip_all => "no server older than PostgreSQL $here with lesionseg; OLDER_PG_CONFIG= names one"
	unless defined $older;

my @as_owner = as_owner();
my $directory = File::Temp->newdir('/tmp/lesionseg.XXXXXX');
chmod 0755, "$directory";
system('chown', (stat $ENV{LESIONSEG_DATA})[4], "$directory");
my %bin = (old => config($older, '--bindir'), new => qx{dirname "\$(command -v postgres)"});
chomp $bin{new};
note 'from ' . config($older, '--version') . " to PostgreSQL $here";

# Run a program of the old or the new server as the owner of the data; true when it worked. Its
# output is shown when it did not.
sub by_owner {
	my ($which, $program, @arguments) = @_;
	my $run = "exec @as_owner $bin{$which}/$program @arguments";
	my $done = system("cd $directory && $run >>$directory/$program.log 2>&1") == 0;
	diag qx{tail -40 $directory/$program.log} unless $done;
	return $done;
}

# Make the data folder of a server.
sub make_cluster {
	my ($which) = @_;
	# From 18 on pages have checksums unless one asks for none.
	my @plain = $which eq 'new' && $here >= 18 ? '--no-data-checksums' : ();
	by_owner($which, 'initdb', '-D', "$directory/$which", qw(-U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync),
		@plain) or die "no initdb\n";
	open my $file, '>>', "$directory/$which/postgresql.conf" or die "postgresql.conf: $!\n";
	print $file "listen_addresses = ''\nunix_socket_directories = '$directory'\nfsync = off\n";
	close $file or die "postgresql.conf: $!\n";
	return;
}

# Start or stop a server.
sub control {
	my ($which, $action) = @_;
	return by_owner($which, 'pg_ctl', '-D', "$directory/$which", '-l', "$directory/$which.log", qw(-w -s -m fast),
		$action);
}

my $running;
END {
	local $?;
	control($running, 'stop') if $running;
}

# Run SQL on the server of this test that runs.
sub elsewhere {
	my ($sql, $database) = @_;
	local $ENV{PGHOST} = "$directory";
	return run_sql($database // 'clinic', $sql);
}

# On the old server: models, masks, and columns that our functions generate.
make_cluster('old');
$running = 'old' if ok(control('old', 'start'), 'the old server');
elsewhere('CREATE DATABASE clinic', 'postgres');
elsewhere('CREATE EXTENSION lesionseg');
{
	local $ENV{PGHOST} = "$directory";
	fill_archive('clinic', 16, 48);
}
my $sizes = q{image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};
elsewhere(q{ALTER TABLE archive ADD COLUMN part text GENERATED ALWAYS AS (lesion_split(id)) STORED,
	ADD COLUMN shown bytea GENERATED ALWAYS AS (lesion_overlay(image, mask)) STORED,
		ADD CHECK (lesion_dice(mask, mask) = 1)});
elsewhere('CREATE INDEX ON archive (lesion_split(id))');
elsewhere("SELECT lesion_train('archive', 'mine', 1, architecture => 'unet', $sizes)");
elsewhere("SELECT lesion_train('archive', 'mine', 1, $sizes, promote => 'always')");
elsewhere(q{SELECT lesion_model_promote('mine', 1)});
elsewhere(q{SELECT lesion_model_create('both', 'ensemble', '{"members": ["mine", "linknet"], "weights": [1, 2]}')});
elsewhere('CREATE TABLE masks (LIKE lesion_prediction, PRIMARY KEY (images, id, model, version))');
elsewhere(q{CALL lesion_predict('archive', 'mine', 'masks')});
elsewhere(q{CREATE TABLE details AS SELECT id, lesion_segment_detail(image, 'mine') AS detail FROM archive});
elsewhere(q{CREATE VIEW scores AS SELECT id, lesion_dice(lesion_segment(image, 'mine'), mask) FROM archive});

# All that must be the same: tables, what is active, masks of three models.
my @tables = split /\n/, elsewhere(q{SELECT c.relname FROM pg_class AS c
	JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
	AND d.refclassid = 'pg_extension'::regclass WHERE c.relkind = 'r' AND c.relname LIKE 'lesion%' ORDER BY 1});
my %question = map { ($_ => content_query($_)) } @tables, 'archive', 'masks', 'details', 'scores';
$question{'what is active'} = q{SELECT string_agg(model || version, ' ' ORDER BY model) FROM lesion_models};
my $f32 = q{SET lesionseg.precision = f32; SET lesionseg.threads = 1};
$question{"masks of $_"} = "$f32; SELECT md5(string_agg(lesion_segment(image, '$_'), '' ORDER BY id)) FROM archive"
	for qw(mine linknet both);
my %before = map { ($_ => elsewhere($question{$_})) } keys %question;

# Test that all is the same on the server that a sub asks.
sub all_the_same {
	my ($ask, $what) = @_;
	is($ask->($question{$_}), $before{$_}, "$what: $_") for sort keys %question;
	is($ask->(q{INSERT INTO archive SELECT 'new', image, mask FROM archive WHERE id = 'lesion-1'
		RETURNING part = lesion_split('new') AND shown = lesion_overlay(image, mask)}), 't',
			"$what: columns are generated");
	is($ask->(q{SELECT extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'lesionseg')
		FROM pg_extension
		WHERE extname = 'lesionseg'}), 't', "$what: the extension needs no update");
	is($ask->("SELECT version FROM lesion_train('archive', 'mine', 1, $sizes)"), '3',
		"$what: and can be trained further");
	return;
}

# A dump that the old server's own program made.
{
	local $ENV{PGHOST} = "$directory";
	is(system("$bin{old}/pg_dump", qw(-Fd -j 4 -f), "$directory/dump", 'clinic'), 0,
		'the old server is dumped by four jobs');
}
run_sql('postgres', 'DROP DATABASE IF EXISTS tap_servers');
run_sql('postgres', 'CREATE DATABASE tap_servers');
is(system(qw(pg_restore --exit-on-error -j 4 -d tap_servers), "$directory/dump"), 0, '... and restored by four');
all_the_same(sub { run_sql('tap_servers', @_) }, 'restored');
run_sql('postgres', 'DROP DATABASE tap_servers');

# pg_upgrade. What an older server writes, a newer one of an earlier round may not know: the options
# of columns that 15.20 writes stop an upgrade to 16.15.
my ($from, $to) = (config($older, '--version'), 'PostgreSQL ' . run_sql('postgres', 'SHOW server_version'));
my @rounds = map { round_of_releases($_) } $from, $to;
SKIP: {
	skip "pg_upgrade from $from to $to, which was released before it", 1
		if defined $rounds[0] && defined $rounds[1] && $rounds[1] < $rounds[0];
	control('old', 'stop');
	$running = undef;
	make_cluster('new');
	my $upgraded = by_owner('new', 'pg_upgrade', '-U', 'postgres', '-b', $bin{old}, '-B', $bin{new},
		'-d', "$directory/old", '-D', "$directory/new");
	ok($upgraded, 'pg_upgrade') or die qx{tail -n 8 $directory/new/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log};
	$running = 'new' if ok(control('new', 'start'), 'the new server starts');
	all_the_same(\&elsewhere, 'upgraded');
	elsewhere('DROP TABLE details; DROP EXTENSION lesionseg CASCADE');
	is(elsewhere('SELECT count(*) FROM masks'), '16', 'upgraded: masks stay when the extension goes');
}
done_testing();
