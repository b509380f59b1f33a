import { useInfiniteQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { checkpoints } from "../../../api/queries";
import { Button } from "../../../ui/Button";
import { Dialog } from "../../../ui/Dialog";
import { Empty, Failure, Loading } from "../../../ui/Notice";
import { ForkDialog } from "./ForkDialog";

/** A fork from where the run stands now. */
export function ForkNewest({ onClose }: { onClose: () => void }) {
  const { project, run } = useParams({ from: "/p/$project/runs/$run" });
  const { data, error, refetch } = useInfiniteQuery(checkpoints(project, run));
  const newest = data?.pages[0]?.items[0];
  if (newest !== undefined) return <ForkDialog point={newest} edit={false} onClose={onClose} />;
  return (
    <Dialog title="Fork this run" onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      {error !== null && <Failure error={error} retry={() => void refetch()} />}
      {error === null && data === undefined && <Loading what="Looking for its newest checkpoint" />}
      {data !== undefined && <Empty title="There is nothing to fork from yet">The first checkpoint is saved when the run starts.</Empty>}
    </Dialog>
  );
}
