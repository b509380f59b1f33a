-- name: insert_task
-- One that is there already stays as it is: a node that runs again makes the same.
INSERT INTO tasks (task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by,
  created_at, updated_at)
VALUES (:task_id, :project_id, :title, :description, :assignee, :due, 'open', :run_id, :node_id, :created_by, :now, :now)
ON CONFLICT (task_id) DO NOTHING

-- name: get_task
SELECT task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by, created_at,
  updated_at, done_by, done_at
FROM tasks WHERE task_id = :task_id AND project_id = :project_id

-- name: list_tasks
-- Newest first, those behind the last one of the page before.
SELECT task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by, created_at,
  updated_at, done_by, done_at
FROM tasks WHERE project_id = :project_id AND (created_at, task_id) < (:created_at, :task_id)
ORDER BY created_at DESC, task_id DESC LIMIT :limit

-- name: list_tasks_of_status
-- The same of one status, by an index of its own: the open ones are few among those that are done.
SELECT task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by, created_at,
  updated_at, done_by, done_at
FROM tasks WHERE project_id = :project_id AND status = :status AND (created_at, task_id) < (:created_at, :task_id)
ORDER BY created_at DESC, task_id DESC LIMIT :limit

-- name: list_tasks_of_assignee
-- Those of one person, of whichever status, or of one.
SELECT task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by, created_at,
  updated_at, done_by, done_at
FROM tasks WHERE project_id = :project_id AND assignee = :assignee AND (created_at, task_id) < (:created_at, :task_id)
  AND (:status IS NULL OR status = :status)
ORDER BY created_at DESC, task_id DESC LIMIT :limit

-- name: list_open_tasks_of_assignee
-- What one person has to do, by an index of no others.
SELECT task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by, created_at,
  updated_at, done_by, done_at
FROM tasks WHERE project_id = :project_id AND assignee = :assignee AND status = 'open'
  AND (created_at, task_id) < (:created_at, :task_id)
ORDER BY created_at DESC, task_id DESC LIMIT :limit

-- name: change_task
-- What is named in :changed, between bars; the rest stays as it is, whoever changes it meanwhile. Who said first that
-- it is done, did it.
UPDATE tasks SET updated_at = :now,
  title = CASE WHEN instr(:changed, '|title|') > 0 THEN :title ELSE title END,
  description = CASE WHEN instr(:changed, '|description|') > 0 THEN :description ELSE description END,
  assignee = CASE WHEN instr(:changed, '|assignee|') > 0 THEN :assignee ELSE assignee END,
  due = CASE WHEN instr(:changed, '|due|') > 0 THEN :due ELSE due END,
  status = CASE WHEN instr(:changed, '|status|') > 0 THEN :status ELSE status END,
  done_by = CASE WHEN instr(:changed, '|status|') = 0 OR status = :status THEN done_by
    WHEN :status = 'done' THEN :actor ELSE NULL END,
  done_at = CASE WHEN instr(:changed, '|status|') = 0 OR status = :status THEN done_at
    WHEN :status = 'done' THEN :now ELSE NULL END
WHERE task_id = :task_id AND project_id = :project_id
RETURNING task_id, project_id, title, description, assignee, due, status, run_id, node_id, created_by, created_at,
  updated_at, done_by, done_at

-- name: delete_task
DELETE FROM tasks WHERE task_id = :task_id AND project_id = :project_id

-- name: unlink_tasks
-- The run is deleted; what is to be done stays.
UPDATE tasks SET run_id = NULL WHERE run_id = :run_id

-- name: insert_notification
-- As for a task.
INSERT INTO notifications (notification_id, project_id, recipient, title, body, run_id, node_id, created_at)
VALUES (:notification_id, :project_id, :recipient, :title, :body, :run_id, :node_id, :now)
ON CONFLICT (notification_id) DO NOTHING

-- name: list_notifications
-- Newest first, those behind the last one of the page before.
SELECT notification_id, project_id, recipient, title, body, run_id, node_id, created_at, read_at
FROM notifications WHERE project_id = :project_id AND (created_at, notification_id) < (:created_at, :notification_id)
ORDER BY created_at DESC, notification_id DESC LIMIT :limit

-- name: list_notifications_to
-- The same of one recipient.
SELECT notification_id, project_id, recipient, title, body, run_id, node_id, created_at, read_at
FROM notifications WHERE project_id = :project_id AND recipient = :recipient
  AND (created_at, notification_id) < (:created_at, :notification_id)
ORDER BY created_at DESC, notification_id DESC LIMIT :limit

-- name: unread_notifications
-- Those that nobody has read, by an index of no others.
SELECT notification_id, project_id, recipient, title, body, run_id, node_id, created_at, read_at
FROM notifications WHERE project_id = :project_id AND read_at IS NULL
  AND (created_at, notification_id) < (:created_at, :notification_id)
ORDER BY created_at DESC, notification_id DESC LIMIT :limit

-- name: unread_notifications_to
-- The same of one recipient.
SELECT notification_id, project_id, recipient, title, body, run_id, node_id, created_at, read_at
FROM notifications WHERE project_id = :project_id AND recipient = :recipient AND read_at IS NULL
  AND (created_at, notification_id) < (:created_at, :notification_id)
ORDER BY created_at DESC, notification_id DESC LIMIT :limit

-- name: read_notifications
-- Those of a JSON list of ids that were not read before.
UPDATE notifications SET read_at = :now
WHERE project_id = :project_id AND read_at IS NULL AND notification_id IN (SELECT value FROM json_each(:ids))
RETURNING notification_id

-- name: read_all_notifications
-- Some of all that are not read. A unit that changes a hundred thousand rows would hold up
-- the runs.
UPDATE notifications SET read_at = :now WHERE notification_id IN (
  SELECT notification_id FROM notifications
  WHERE project_id = :project_id AND read_at IS NULL LIMIT :limit)
RETURNING notification_id

-- name: read_all_notifications_to
-- The same of one recipient.
UPDATE notifications SET read_at = :now WHERE notification_id IN (
  SELECT notification_id FROM notifications
  WHERE project_id = :project_id AND recipient = :recipient AND read_at IS NULL LIMIT :limit)
RETURNING notification_id

-- name: unlink_notifications
-- The run is deleted; what was told stays.
UPDATE notifications SET run_id = NULL WHERE run_id = :run_id
