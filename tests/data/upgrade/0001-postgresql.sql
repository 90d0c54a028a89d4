CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.audit (
    sequence integer NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL
);
CREATE SEQUENCE public.audit_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_sequence_seq OWNED BY public.audit.sequence;
CREATE TABLE public.build_logs (
    sequence integer NOT NULL,
    build_id text NOT NULL,
    attempt integer NOT NULL,
    text text NOT NULL
);
CREATE SEQUENCE public.build_logs_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.build_logs_sequence_seq OWNED BY public.build_logs.sequence;
CREATE TABLE public.build_runs (
    build_id text NOT NULL,
    run_id text NOT NULL
);
CREATE TABLE public.builds (
    id text NOT NULL,
    key text NOT NULL,
    repository text NOT NULL,
    branch text NOT NULL,
    commit text NOT NULL,
    reference text NOT NULL,
    configuration_commit text NOT NULL,
    application text NOT NULL,
    environment text NOT NULL,
    image text NOT NULL,
    attempt integer NOT NULL,
    resumes integer NOT NULL,
    state text NOT NULL,
    message text NOT NULL,
    code text NOT NULL,
    retry_after double precision,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone
);
CREATE TABLE public.changes (
    id text NOT NULL,
    repository text NOT NULL,
    branch text NOT NULL,
    commit text NOT NULL,
    before text,
    subject text NOT NULL,
    author text NOT NULL,
    author_email text NOT NULL,
    paths json,
    pull_requests json NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.configurations (
    sequence integer NOT NULL,
    commit text NOT NULL,
    text text NOT NULL,
    good boolean NOT NULL,
    faults json NOT NULL,
    loaded_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.configurations_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.configurations_sequence_seq OWNED BY public.configurations.sequence;
CREATE TABLE public.covered_commits (
    repository text NOT NULL,
    branch text NOT NULL,
    commit text NOT NULL,
    change_id text NOT NULL
);
CREATE TABLE public.deliveries (
    sequence integer NOT NULL,
    id text NOT NULL,
    event text NOT NULL,
    repository text NOT NULL,
    body bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    generation integer NOT NULL,
    repeats integer NOT NULL,
    attempts integer NOT NULL,
    not_before timestamp with time zone,
    claimed_by text,
    change_id text,
    routing json,
    processed_at timestamp with time zone
);
CREATE SEQUENCE public.deliveries_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.deliveries_sequence_seq OWNED BY public.deliveries.sequence;
CREATE TABLE public.edits (
    sequence integer NOT NULL,
    run_id text NOT NULL,
    repository text NOT NULL,
    branch text NOT NULL,
    application text NOT NULL,
    environment text NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    expected text,
    commit text,
    base text,
    diff text NOT NULL,
    changes json,
    message text NOT NULL,
    code text NOT NULL,
    attempts integer NOT NULL
);
CREATE SEQUENCE public.edits_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.edits_sequence_seq OWNED BY public.edits.sequence;
CREATE TABLE public.leases (
    name text NOT NULL,
    holder text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.own_commits (
    repository text NOT NULL,
    commit text NOT NULL,
    run_id text NOT NULL
);
CREATE TABLE public.promotion_branches (
    repository text NOT NULL,
    branch text NOT NULL,
    tip text NOT NULL,
    run_id text NOT NULL
);
CREATE TABLE public.reports (
    repository text NOT NULL,
    commit text NOT NULL,
    context text NOT NULL,
    run_id text NOT NULL,
    state text NOT NULL,
    description text NOT NULL,
    url text NOT NULL,
    version integer NOT NULL,
    sent_version integer NOT NULL,
    attempts integer NOT NULL,
    not_before timestamp with time zone,
    error text NOT NULL
);
CREATE TABLE public.runs (
    sequence integer NOT NULL,
    id text NOT NULL,
    change_id text NOT NULL,
    repository text NOT NULL,
    branch text NOT NULL,
    commit text NOT NULL,
    application text NOT NULL,
    environment text NOT NULL,
    generation integer NOT NULL,
    configuration_commit text NOT NULL,
    state text NOT NULL,
    stage text NOT NULL,
    message text NOT NULL,
    code text NOT NULL,
    images json NOT NULL,
    manifest_commit text,
    pull_request integer,
    pull_request_url text,
    cancel_requested_by text,
    superseded_by text,
    workflow_id text NOT NULL,
    resumes integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);
CREATE SEQUENCE public.runs_sequence_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_sequence_seq OWNED BY public.runs.sequence;
CREATE TABLE public.steps (
    run_id text NOT NULL,
    name text NOT NULL,
    stage text NOT NULL,
    "position" integer NOT NULL,
    state text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);
CREATE TABLE public.waits (
    id text NOT NULL,
    run_id text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    subject text NOT NULL,
    last_seen text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    not_before timestamp with time zone,
    deadline timestamp with time zone,
    answered_at timestamp with time zone,
    answer text NOT NULL
);
ALTER TABLE ONLY public.audit ALTER COLUMN sequence SET DEFAULT nextval('public.audit_sequence_seq'::regclass);
ALTER TABLE ONLY public.build_logs ALTER COLUMN sequence SET DEFAULT nextval('public.build_logs_sequence_seq'::regclass);
ALTER TABLE ONLY public.configurations ALTER COLUMN sequence SET DEFAULT nextval('public.configurations_sequence_seq'::regclass);
ALTER TABLE ONLY public.deliveries ALTER COLUMN sequence SET DEFAULT nextval('public.deliveries_sequence_seq'::regclass);
ALTER TABLE ONLY public.edits ALTER COLUMN sequence SET DEFAULT nextval('public.edits_sequence_seq'::regclass);
ALTER TABLE ONLY public.runs ALTER COLUMN sequence SET DEFAULT nextval('public.runs_sequence_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (sequence);
ALTER TABLE ONLY public.build_logs
    ADD CONSTRAINT pk_build_logs PRIMARY KEY (sequence);
ALTER TABLE ONLY public.build_runs
    ADD CONSTRAINT pk_build_runs PRIMARY KEY (build_id, run_id);
ALTER TABLE ONLY public.builds
    ADD CONSTRAINT pk_builds PRIMARY KEY (id);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT pk_changes PRIMARY KEY (id);
ALTER TABLE ONLY public.configurations
    ADD CONSTRAINT pk_configurations PRIMARY KEY (sequence);
ALTER TABLE ONLY public.covered_commits
    ADD CONSTRAINT pk_covered_commits PRIMARY KEY (repository, branch, commit);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (sequence);
ALTER TABLE ONLY public.edits
    ADD CONSTRAINT pk_edits PRIMARY KEY (sequence);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (name);
ALTER TABLE ONLY public.own_commits
    ADD CONSTRAINT pk_own_commits PRIMARY KEY (repository, commit);
ALTER TABLE ONLY public.promotion_branches
    ADD CONSTRAINT pk_promotion_branches PRIMARY KEY (repository, branch);
ALTER TABLE ONLY public.reports
    ADD CONSTRAINT pk_reports PRIMARY KEY (repository, commit, context);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT pk_runs PRIMARY KEY (sequence);
ALTER TABLE ONLY public.steps
    ADD CONSTRAINT pk_steps PRIMARY KEY (run_id, name);
ALTER TABLE ONLY public.waits
    ADD CONSTRAINT pk_waits PRIMARY KEY (id);
ALTER TABLE ONLY public.builds
    ADD CONSTRAINT uq_builds_key UNIQUE (key);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT uq_changes_repository_branch_commit UNIQUE (repository, branch, commit);
ALTER TABLE ONLY public.configurations
    ADD CONSTRAINT uq_configurations_commit UNIQUE (commit);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT uq_deliveries_id UNIQUE (id);
ALTER TABLE ONLY public.edits
    ADD CONSTRAINT uq_edits_run_id UNIQUE (run_id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT uq_runs_id UNIQUE (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT uq_runs_repository_branch_commit_application_environmen_ec73 UNIQUE (repository, branch, commit, application, environment, generation);
CREATE INDEX ix_build_logs_build_id_sequence ON public.build_logs USING btree (build_id, sequence);
CREATE INDEX ix_build_runs_run_id ON public.build_runs USING btree (run_id);
CREATE INDEX ix_builds_state_updated_at ON public.builds USING btree (state, updated_at);
CREATE INDEX ix_deliveries_state_repository_sequence ON public.deliveries USING btree (state, repository, sequence);
CREATE INDEX ix_edits_repository_branch_state_sequence ON public.edits USING btree (repository, branch, state, sequence);
CREATE INDEX ix_reports_unsent ON public.reports USING btree (not_before) WHERE (sent_version < version);
CREATE INDEX ix_runs_application_environment_sequence ON public.runs USING btree (application, environment, sequence);
CREATE INDEX ix_runs_repository_commit_environment ON public.runs USING btree (repository, commit, environment);
CREATE INDEX ix_runs_state_updated_at ON public.runs USING btree (state, updated_at);
CREATE INDEX ix_waits_answered_at_deadline ON public.waits USING btree (answered_at, deadline);
CREATE INDEX ix_waits_answered_at_kind_key_id ON public.waits USING btree (answered_at, kind, key, id);
CREATE INDEX ix_waits_answered_at_not_before ON public.waits USING btree (answered_at, not_before);
CREATE INDEX ix_waits_run_id ON public.waits USING btree (run_id);
