# weights.pl: weight files with bytes changed at random, imported and used.
use strict;
use warnings;
use Session qw(run_sql);

my $batch = 20;
my @files;

return {
	prepare => sub {
		my ($campaign) = @_;
		my $database = $campaign->database;
		for my $dtype ('f32', 'bf16') {
			push @files, pack 'H*', run_sql($database, "SELECT encode(lesion_model_export('net', dtype => '$dtype'),
				'hex')");
		}
		run_sql($database, <<'SQL');
CREATE FUNCTION take(weights bytea, architecture text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM lesion_model_import('mutant', weights, architecture);
	PERFORM lesion_segment(image, 'mutant') FROM archive WHERE id = 'lesion-1';
	RAISE SQLSTATE 'AB000';
EXCEPTION
	WHEN SQLSTATE 'AB000' THEN
		RETURN 'taken';
	WHEN OTHERS THEN
		RETURN SQLSTATE || CASE WHEN SQLSTATE LIKE 'XX%' THEN ' ' || SQLERRM ELSE '' END;
END $$;
SQL
	},
	step => sub {
		my ($campaign) = @_;
		my @rows = map { sprintf '(%s)', Campaign::bytea(Campaign::mutated(Campaign::one_of(@files))) } 1 .. $batch;
		my $architecture = Campaign::one_of('NULL', map { "'$_'" } qw(unet unet linknet convmixer maskrcnn));
		my $answer = $campaign->query("SELECT take(b, $architecture), count(*) FROM (VALUES " . join(', ', @rows)
			. ") AS v (b) GROUP BY 1") // return;
		for my $line (split /\n/, $answer) {
			my ($state, $count) = $line =~ /^(.*)\|(\d+)$/ or next;
			$campaign->count($state, $count);
			$campaign->count('files', $count);
			$campaign->problem("an internal error: $line") if $state =~ /^XX/;
		}
	},
};
