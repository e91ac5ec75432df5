# Session.pm: a psql session that stays open, so that a test can watch one
# server process: start a statement, cancel it from elsewhere, time the
# answer, read the process's memory.
package Session;

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IPC::Open3;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(run_sql fresh_database fill_archive content_query server_alive kill_session restart_server
	control_server as_owner wait_for_lock);

# Writing to a psql that is gone is for the reader to find out.
$SIG{PIPE} = 'IGNORE';

my $marker = 'lesionseg-statement-done';

# Open a session in a database.
sub new {
	my ($class, $database) = @_;
	my $self = bless { buffer => '' }, $class;
	$self->{psql} = open3($self->{in}, $self->{out}, undef,
		'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $database);
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

# The server process behind this session.
sub pid { return $_[0]->{pid}; }

# Send a statement without waiting for it.
sub start {
	my ($self, $sql) = @_;
	my $in = $self->{in};
	print $in "$sql\n;\n\\echo $marker\n";
	$in->flush;
	return;
}

# Wait for the statement that was started; all that was printed, messages
# included. Dies when it takes longer than seconds: a hang, however busy the
# machine is.
sub finish {
	my ($self, $seconds) = @_;
	my $end = time + ($seconds // 300);
	my $ready = IO::Select->new($self->{out});
	until ($self->{buffer} =~ /^$marker\n/m) {
		die "no answer in time, so far: $self->{buffer}\n" unless $ready->can_read($end - time);
		my $read = sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};
		die "psql ended: $self->{buffer}\n" unless $read;
	}
	$self->{buffer} =~ s/\A(.*?)\n?^$marker\n//ms;
	return $1;
}

# Wait until the running statement has printed something that matches.
sub wait_for {
	my ($self, $pattern, $seconds) = @_;
	my $end = time + ($seconds // 180);
	my $ready = IO::Select->new($self->{out});
	until ($self->{buffer} =~ $pattern) {
		die "no $pattern in time, so far: $self->{buffer}\n" unless $ready->can_read($end - time);
		my $read = sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};
		die "psql ended: $self->{buffer}\n" unless $read;
	}
	return;
}

# Run a statement; what it printed.
sub query {
	my ($self, $sql, $seconds) = @_;
	$self->start($sql);
	return $self->finish($seconds);
}

# Resident memory of the server process, in kB, without the pages of shared
# memory that it happens to have touched.
sub resident {
	my ($self) = @_;
	open my $status, '<', "/proc/$self->{pid}/status" or die "process $self->{pid}: $!\n";
	my $kilobytes = 0;
	while (my $line = <$status>) {
		$kilobytes += $1 if $line =~ /^Rss(?:Anon|File):\s+(\d+)/;
	}
	close $status;
	return $kilobytes;
}

# The highest memory (kB) of the process since forget_peak(), which returns what it has then.
sub peak {
	my ($self) = @_;
	open my $status, '<', "/proc/$self->{pid}/status" or die "process $self->{pid}: $!\n";
	my ($kilobytes) = join('', <$status>) =~ /^VmHWM:\s+(\d+)/m;
	close $status;
	return $kilobytes;
}

sub forget_peak {
	my ($self) = @_;
	open my $file, '>', "/proc/$self->{pid}/clear_refs" or die "process $self->{pid}: $!\n";
	print $file "5\n";
	close $file or die "process $self->{pid}: $!\n";
	return $self->peak;
}

# Seconds that each thread of the server process has waited for a core so far, by its id.
sub waits {
	my ($self) = @_;
	my %seconds;
	for my $task (glob "/proc/$self->{pid}/task/*") {
		open my $file, '<', "$task/schedstat" or next;
		my (undef, $nanoseconds) = split ' ', <$file>;
		$seconds{$task} = $nanoseconds / 1e9;
	}
	return \%seconds;
}

# The longest that a thread has waited for a core since waits() said `before`.
sub waited_since {
	my ($self, $before) = @_;
	my $now = $self->waits;
	my $longest = 0;
	for my $task (keys %$now) {
		my $seconds = $now->{$task} - ($before->{$task} // 0);
		$longest = $seconds if $seconds > $longest;
	}
	return $longest;
}

# End the session.
sub quit {
	my ($self) = @_;
	close $self->{in};
	waitpid $self->{psql}, 0;
	return;
}

# Run SQL in a session of its own; dies when it fails.
sub run_sql {
	my ($database, $sql) = @_;
	open my $psql, '-|', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-c', $sql
		or die "psql: $!\n";
	my $output = do { local $/ = undef; <$psql> };
	close $psql or die "failed: $sql\n";
	chomp $output;
	return $output;
}

# Wait until a session waits for another; 1, or 0 where it does not.
sub wait_for_lock {
	my ($session) = @_;
	for (1 .. 300) {
		return 1 if run_sql('postgres', 'SELECT cardinality(pg_blocking_pids(' . $session->pid . '))') > 0;
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# Make a database with the extension in it.
sub fresh_database {
	my ($name) = @_;
	run_sql('postgres', "DROP DATABASE IF EXISTS $name");
	run_sql('postgres', "CREATE DATABASE $name");
	run_sql($name, 'CREATE EXTENSION lesionseg');
	return;
}

# Make a table `archive` of rendered lesions.
sub fill_archive {
	my ($database, $count, $size) = @_;
	run_sql($database, <<"SQL");
CREATE TABLE archive (id text PRIMARY KEY, image bytea NOT NULL, mask bytea);
INSERT INTO archive
SELECT 'lesion-' || seed, s.image, s.mask
FROM generate_series(1, $count) AS seed, lesion_synthetic(seed, $size, $size) AS s
SQL
	return;
}

# A query for what is in a table, or in some of its columns, but for the models that come with the extension.
sub content_query {
	my ($table, $columns) = @_;
	my %own = (lesion_model => 'WHERE NOT bundled', lesion_version => 'WHERE number > 0');
	return "SELECT count(*) || ' ' || md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM (SELECT "
		. ($columns // '*') . " FROM $table " . ($own{$table} // '') . ') t';
}

# Say that a server process is about to be killed: test/tools/server-tests takes
# every other death for a failure.
sub expect_death {
	my ($pid) = @_;
	open my $list, '>>', "$ENV{LESIONSEG_LOG}.killed" or die "$ENV{LESIONSEG_LOG}.killed: $!\n";
	print $list "(PID $pid) was terminated by signal 9\n";
	close $list or die "$ENV{LESIONSEG_LOG}.killed: $!\n";
	return;
}

# Kill the process of a session outright; true when the server has noticed,
# which ends all sessions, and answers again. Undefined where there is no such
# process any more. A session of the caller may be the witness: the kill then
# comes at once.
sub kill_session {
	my ($victim, $witness) = @_;
	$witness //= Session->new('postgres');
	expect_death($victim->pid);
	kill('KILL', $victim->pid) == 1 or return undef;
	for (1 .. 300) {
		last unless eval { $witness->query('SELECT 1', 10) eq '1' };
		select undef, undef, undef, 0.05;
	}
	for (1 .. 300) {
		return 1 if system(q{psql -XAtqc 'SELECT 1' -d postgres >/dev/null 2>&1}) == 0;
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# Words before a command that let the owner of the server's data run it.
sub as_owner {
	return $< == 0 ? ('runuser', '-u', (getpwuid((stat $ENV{LESIONSEG_DATA})[4]))[0], '--') : ();
}

# Start, stop or restart the server of test/tools/cluster, which runs as the owner of its data; with
# assignments to its environment, if any are given.
sub control_server {
	my ($action, $mode, @environment) = @_;
	my $data = $ENV{LESIONSEG_DATA};
	my $command = join ' ', 'cd', $data, '&&', as_owner(), 'env', @environment, 'pg_ctl', '-D', $data, '-l',
		$ENV{LESIONSEG_LOG}, '-w', '-s', '-m', $mode // 'fast', $action;
	system($command) == 0 or die "failed: $command\n";
	return;
}

sub restart_server { return control_server('restart', @_); }

# True when the server answers a new session.
sub server_alive {
	return run_sql('postgres', 'SELECT 1') eq '1';
}

1;
