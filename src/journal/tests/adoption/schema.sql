-- The tables of the replaced service; {json} is jsonb or json, {newest} the columns of newer installations.
CREATE TYPE discovery_mode AS ENUM ('manual', 'automatic');
CREATE TYPE discovery_step_status AS ENUM ('pending', 'running', 'success', 'failed', 'skipped');
CREATE TYPE discovery_exec_status AS ENUM ('running', 'completed', 'failed', 'paused');
CREATE TABLE discovery_workflows (
    id uuid PRIMARY KEY, name text NOT NULL, mode discovery_mode NOT NULL DEFAULT 'automatic',
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE discovery_steps (
    id uuid PRIMARY KEY, workflow_id uuid REFERENCES discovery_workflows (id) ON DELETE CASCADE,
    name text NOT NULL, "order" int NOT NULL, max_visits int NOT NULL DEFAULT 1,
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE discovery_workflow_executions (
    id uuid PRIMARY KEY, workflow_id uuid REFERENCES discovery_workflows (id) ON DELETE CASCADE,
    status discovery_exec_status NOT NULL DEFAULT 'running', mode discovery_mode NOT NULL,
    current_step_id uuid REFERENCES discovery_steps (id), context {json} DEFAULT '{}', {newest}
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE TABLE discovery_step_executions (
    id uuid PRIMARY KEY, step_id uuid REFERENCES discovery_steps (id) ON DELETE CASCADE,
    workflow_id uuid REFERENCES discovery_workflows (id) ON DELETE CASCADE,
    execution_id uuid REFERENCES discovery_workflow_executions (id) ON DELETE CASCADE,
    status discovery_step_status NOT NULL DEFAULT 'pending', attempt int NOT NULL DEFAULT 0,
    input_payload {json}, output_payload {json}, started_at timestamptz, finished_at timestamptz);
CREATE INDEX idx_discovery_step_executions_execution_id ON discovery_step_executions (execution_id);
CREATE INDEX idx_discovery_step_executions_step ON discovery_step_executions (execution_id, step_id);
CREATE INDEX idx_discovery_workflow_executions_workflow_id ON discovery_workflow_executions (workflow_id);
CREATE INDEX idx_discovery_steps_workflow_id ON discovery_steps (workflow_id, "order");
