# Campaign.pm: what the parts of test/tools/campaign share: a database, a
# session that is opened again when it ended, what counts as a problem, and
# the figures.
#
# A part is a file that returns { prepare => sub, step => sub }; both get the
# campaign. Before each step the random numbers begin from seed, part and
# number, so a step can be repeated alone.
package Campaign;

use strict;
use warnings;
use Session qw(run_sql fresh_database fill_archive);
use Time::HiRes qw(time sleep);

my $database = 'campaign';

# What all parts find in the database.
my $tables = <<'SQL';
CREATE TABLE pictures AS SELECT seed AS id, s.image, s.mask
	FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 512, 512) AS s;
CREATE TABLE large AS SELECT 1 AS id, s.image, s.mask FROM lesion_synthetic(1, 3000, 3000) AS s;
CREATE VIEW endless AS SELECT n || '/' || id AS id, image, mask FROM archive, generate_series(1, 1000) AS n;
CREATE TABLE masks (LIKE lesion_prediction);
SQL
my $small = q{architecture => 'unet', image_size => 32, batch_size => 4, config => '{"base": 4, "depth": 1}'};

sub new {
	my ($class, $seed) = @_;
	my $self = bless { seed => $seed, figures => {}, passed => 0, failed => 0 }, $class;
	fresh_database($database);
	fill_archive($database, 24, 64);
	run_sql($database, "SET client_min_messages = error; $tables");
	run_sql($database, "SET client_min_messages = error;
		SELECT lesion_train('archive', 'net', epochs => 2, id_column => 'id', $small)");
	run_sql($database, "SET client_min_messages = error;
		SELECT lesion_train('archive', 'net', epochs => 1, id_column => 'id', promote => 'never', $small)");
	run_sql($database, q{SELECT lesion_model_import('other', lesion_model_export('net', 2), 'unet')});
	run_sql($database, q{SELECT lesion_model_create('together', 'ensemble', '{"members": ["net", "other"]}')});
	return $self;
}

sub database { return $database; }

# Arguments of a small network.
sub small { return $small; }

# The session, opened where there is none; with a name, another one.
sub session {
	my ($self, $name) = @_;
	return $self->{sessions}{ $name // 'main' } //= open_session();
}

# Wait for the server to come back, a minute at most.
sub open_session {
	my $end = time + 60;
	while (1) {
		return Session->new($database) if system("psql -XAtqc 'SELECT 1' -d $database >/dev/null 2>&1") == 0;
		die "the server does not come back\n" if time > $end;
		sleep 0.2;
	}
}

# End all sessions.
sub forget_sessions {
	my ($self) = @_;
	for my $session (values %{ $self->{sessions} }) {
		kill 'TERM', $session->{psql};	# it may wait for an answer that does not come
		eval { $session->quit };
	}
	$self->{sessions} = {};
	return;
}

sub count {
	my ($self, $figure, $by) = @_;
	$self->{figures}{ $self->{part} }{$figure} += $by // 1;
	return;
}

# Note that something is wrong in this step.
sub problem {
	my ($self, $text) = @_;
	push @{ $self->{problems} }, $text;
	return;
}

# Run a statement in a session and check the answer; undef where the session ended.
sub query {
	my ($self, $sql, $name) = @_;
	my $answer = eval { $self->session($name)->query($sql, 300) };
	return $self->check($answer, $@);
}

# Check what a session said, or the reason why it said nothing.
sub check {
	my ($self, $answer, $reason) = @_;
	if (!defined $answer) {
		$self->problem("the session ended: $reason") unless $self->{may_end};
		$self->forget_sessions;
		return;
	}
	for my $state ($answer =~ /^(?:psql:\S+ )?(?:ERROR|FATAL):  ([0-9A-Z]{5}):/mg) {
		$self->count($state);
		$self->problem("an internal error: $answer") if $state =~ /^XX/;
	}
	for my $location ($answer =~ /^LOCATION:(.*)$/mg) {
		$self->problem("LOCATION is not sane: $answer") unless $location =~ /^  \w+, [\w.\/-]+\.[chly]:\d+$/;
	}
	return $answer;
}

# The server's log from a byte on: what it says of processes that died, but
# for those that the campaign killed.
sub deaths {
	my ($from) = @_;
	my %killed;
	if (open my $list, '<', "$ENV{LESIONSEG_LOG}.killed") {
		chomp, $killed{$_} = 1 while <$list>;
	}
	open my $log, '<', $ENV{LESIONSEG_LOG} or die "$ENV{LESIONSEG_LOG}: $!\n";
	seek $log, $from, 0;
	return grep { /was terminated by signal|PANIC: |TRAP: /
		&& !(/(\(PID \d+\) was terminated by signal 9)/ && $killed{$1}) } <$log>;
}

# Run a step of a part; false where something was wrong.
sub step {
	my ($self, $part, $number) = @_;
	my $from = -s $ENV{LESIONSEG_LOG};
	@$self{qw(part problems may_end)} = ($part->{name}, [], 0);
	srand hash("$self->{seed} $part->{name} $number");
	eval { $part->{step}->($self, $number); 1 } or $self->problem("the step failed: $@");
	for my $death (deaths($from)) {
		$self->problem("a server process died: $death");
	}
	if (!@{ $self->{problems} }) {
		$self->{passed}++;
		return 1;
	}
	$self->{failed}++;
	print "FAILED: SEED=$self->{seed} FIRST=$number test/tools/campaign 0 $part->{name}\n";
	print map { '    ' . substr($_, 0, 2000) =~ s/\n(?=.)/\n    /gr . "\n" } @{ $self->{problems} };
	$self->forget_sessions;
	return 0;
}

# 31 bits of a text, the same on every machine.
sub hash {
	my $sum = 0;
	$sum = ($sum * 31 + ord) & 0x7fffffff for split //, $_[0];
	return $sum;
}

# One of several values.
sub one_of { return $_[ int rand @_ ]; }

# Bytes as SQL.
sub bytea { return q{'\x} . unpack('H*', $_[0]) . q{'::bytea}; }

# The content of a file of bytes.
sub slurp {
	open my $file, '<:raw', $_[0] or die "$_[0]: $!\n";
	local $/ = undef;
	return scalar <$file>;
}

# Change bytes at random: some are set, a piece is left out, doubled or filled, the end is cut off.
sub mutated {
	my ($bytes) = @_;
	for (1 .. 1 + int rand 8) {
		my $length = length $bytes or last;
		my $at = rand() < 0.5 ? int rand $length : int rand($length < 64 ? $length : 64);
		my $piece = 1 + int rand($length - $at < 32 ? $length - $at : 32);
		my $kind = int rand 6;
		if ($kind <= 1) { substr($bytes, $at, 1) = chr int rand 256; }
		elsif ($kind == 2) { substr($bytes, $at, 1) = one_of("\0", "\x7f", "\x80", "\xff"); }
		elsif ($kind == 3) { substr($bytes, $at, $piece) = ''; }
		elsif ($kind == 4) { substr($bytes, $at, 0) = substr $bytes, $at, $piece; }
		else { substr($bytes, $at, $piece) = chr(one_of(0, 255)) x $piece; }
	}
	return rand() < 0.1 ? substr($bytes, 0, int rand length $bytes) : $bytes;
}

# Print the figures of a part.
sub report {
	my ($self, $name) = @_;
	my $figures = $self->{figures}{$name} // {};
	print "$name: ", join(', ', map { "$_ $figures->{$_}" } sort keys %$figures), "\n";
	return;
}

1;
