CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE audit (
	sequence INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (sequence)
);
CREATE TABLE build_logs (
	sequence INTEGER NOT NULL, 
	build_id TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_build_logs PRIMARY KEY (sequence)
);
CREATE TABLE build_runs (
	build_id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	CONSTRAINT pk_build_runs PRIMARY KEY (build_id, run_id)
);
CREATE TABLE builds (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	reference TEXT NOT NULL, 
	configuration_commit TEXT NOT NULL, 
	application TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	image TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	resumes INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	message TEXT NOT NULL, 
	code TEXT NOT NULL, 
	retry_after FLOAT, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	CONSTRAINT pk_builds PRIMARY KEY (id), 
	CONSTRAINT uq_builds_key UNIQUE ("key")
);
CREATE TABLE changes (
	id TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	"before" TEXT, 
	subject TEXT NOT NULL, 
	author TEXT NOT NULL, 
	author_email TEXT NOT NULL, 
	paths JSON, 
	pull_requests JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_changes PRIMARY KEY (id), 
	CONSTRAINT uq_changes_repository_branch_commit UNIQUE (repository, branch, "commit")
);
CREATE TABLE configurations (
	sequence INTEGER NOT NULL, 
	"commit" TEXT NOT NULL, 
	text TEXT NOT NULL, 
	good BOOLEAN NOT NULL, 
	faults JSON NOT NULL, 
	loaded_at DATETIME NOT NULL, 
	CONSTRAINT pk_configurations PRIMARY KEY (sequence), 
	CONSTRAINT uq_configurations_commit UNIQUE ("commit")
);
CREATE TABLE covered_commits (
	repository TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	change_id TEXT NOT NULL, 
	CONSTRAINT pk_covered_commits PRIMARY KEY (repository, branch, "commit")
);
CREATE TABLE deliveries (
	sequence INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	event TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	body BLOB NOT NULL, 
	received_at DATETIME NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	repeats INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	not_before DATETIME, 
	claimed_by TEXT, 
	change_id TEXT, 
	routing JSON, 
	processed_at DATETIME, 
	CONSTRAINT pk_deliveries PRIMARY KEY (sequence), 
	CONSTRAINT uq_deliveries_id UNIQUE (id)
);
CREATE TABLE edits (
	sequence INTEGER NOT NULL, 
	run_id TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	application TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	state TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	expected TEXT, 
	"commit" TEXT, 
	base TEXT, 
	diff TEXT NOT NULL, 
	changes JSON, 
	message TEXT NOT NULL, 
	code TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	CONSTRAINT pk_edits PRIMARY KEY (sequence), 
	CONSTRAINT uq_edits_run_id UNIQUE (run_id)
);
CREATE TABLE leases (
	name TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
CREATE TABLE own_commits (
	repository TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	CONSTRAINT pk_own_commits PRIMARY KEY (repository, "commit")
);
CREATE TABLE promotion_branches (
	repository TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	tip TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	CONSTRAINT pk_promotion_branches PRIMARY KEY (repository, branch)
);
CREATE TABLE reports (
	repository TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	context TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	description TEXT NOT NULL, 
	url TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	sent_version INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	not_before DATETIME, 
	error TEXT NOT NULL, 
	CONSTRAINT pk_reports PRIMARY KEY (repository, "commit", context)
);
CREATE TABLE runs (
	sequence INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	change_id TEXT NOT NULL, 
	repository TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	application TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	configuration_commit TEXT NOT NULL, 
	state TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	message TEXT NOT NULL, 
	code TEXT NOT NULL, 
	images JSON NOT NULL, 
	manifest_commit TEXT, 
	pull_request INTEGER, 
	pull_request_url TEXT, 
	cancel_requested_by TEXT, 
	superseded_by TEXT, 
	workflow_id TEXT NOT NULL, 
	resumes INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_runs PRIMARY KEY (sequence), 
	CONSTRAINT uq_runs_id UNIQUE (id), 
	CONSTRAINT uq_runs_repository_branch_commit_application_environment_generation UNIQUE (repository, branch, "commit", application, environment, generation)
);
CREATE TABLE steps (
	run_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	message TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_steps PRIMARY KEY (run_id, name)
);
CREATE TABLE waits (
	id TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	last_seen TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	not_before DATETIME, 
	deadline DATETIME, 
	answered_at DATETIME, 
	answer TEXT NOT NULL, 
	CONSTRAINT pk_waits PRIMARY KEY (id)
);
CREATE INDEX ix_build_logs_build_id_sequence ON build_logs (build_id, sequence);
CREATE INDEX ix_build_runs_run_id ON build_runs (run_id);
CREATE INDEX ix_builds_state_updated_at ON builds (state, updated_at);
CREATE INDEX ix_deliveries_state_repository_sequence ON deliveries (state, repository, sequence);
CREATE INDEX ix_edits_repository_branch_state_sequence ON edits (repository, branch, state, sequence);
CREATE INDEX ix_reports_unsent ON reports (not_before) WHERE sent_version < version;
CREATE INDEX ix_runs_repository_commit_environment ON runs (repository, "commit", environment);
CREATE INDEX ix_runs_application_environment_sequence ON runs (application, environment, sequence);
CREATE INDEX ix_runs_state_updated_at ON runs (state, updated_at);
CREATE INDEX ix_waits_answered_at_deadline ON waits (answered_at, deadline);
CREATE INDEX ix_waits_answered_at_kind_key_id ON waits (answered_at, kind, "key", id);
CREATE INDEX ix_waits_answered_at_not_before ON waits (answered_at, not_before);
CREATE INDEX ix_waits_run_id ON waits (run_id);
